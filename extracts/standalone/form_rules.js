// What the reader of requests demands beyond the schema, as it can be said without the source: kept few and plain.
const Rules = (() => {
  // Control, format, surrogate, private and unassigned characters, and line and paragraph separators; as Python has it.
  const UNSEEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}]/u;
  const MINUTE_AND_HOUR = /^\d{1,2} \d{1,2} [0-9A-Z*,/#-]+ [0-9A-Z*,/#-]+ [0-9A-Z*,/#-]+$/;
  const ALIASES = ["@daily", "@midnight", "@weekly", "@monthly"];

  function problems(request) {
    return [...unseen(request, []), ...schedule(request.schedule), ...doubles(request.datasets)];
  }

  function unseen(value, path) {
    if (typeof value === "string") return UNSEEN.test(value.replace(/[\n\t\r]/g, "")) ? [{ path, message: "contains a control or invisible character; remove it" }] : [];
    if (value === null || typeof value !== "object") return [];
    return Object.keys(value).flatMap((name) => unseen(value[name], [...path, Array.isArray(value) ? Number(name) : name]));
  }

  function schedule(found) {
    if (!Schema.isGroup(found)) return [];
    const faults = [];
    const days = [found.start_on, found.review_on, found.end_on];
    const [start, review, end] = days;
    if (days.every((day) => typeof day === "string") && !(start <= review && review <= end)) faults.push({ path: ["schedule"], message: "start_on, review_on, end_on must follow one another" });
    if (typeof found.cron === "string" && !isCron(found.cron)) faults.push({ path: ["schedule", "cron"], message: `is no cron schedule that runs at most once a day: minute and hour as numbers, then day, month and weekday; or ${ALIASES.join(", ")}` });
    return faults;
  }

  function isCron(text) {
    return ALIASES.includes(text.trim().toLowerCase()) || MINUTE_AND_HOUR.test(text.trim().toUpperCase().split(/\s+/).join(" "));
  }

  function doubles(datasets) {
    if (!Array.isArray(datasets)) return [];
    const faults = repeated(datasets.map((one) => one && one.dataset)).length ? [{ path: ["datasets"], message: "the same dataset twice; join their columns into one entry" }] : [];
    datasets.forEach((one, at) => {
      const twice = one && Array.isArray(one.columns) ? repeated(one.columns.map((column) => column && column.name)) : [];
      if (twice.length) faults.push({ path: ["datasets", at, "columns"], message: `asks twice for: ${twice.join(", ")}` });
    });
    return faults;
  }

  const repeated = (names) => [...new Set(names.filter((name, at) => typeof name === "string" && names.indexOf(name) !== at))];
  return { problems };
})();
