// Writes a request as YAML that every reader understands alike: texts in double quotes, one value a line. Reads back
// what it wrote, and no other YAML: a file of another hand is told so, and never half understood.
const Yaml = (() => {
  const HEAD = "# A request for data, written by the request form. Check it: extracts request check FILE\n";
  const quoted = (text) => JSON.stringify(text).replace(/[\u007f-\u009f\u2028\u2029\ufeff]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
  const scalar = (value) => (typeof value === "string" ? quoted(value) : JSON.stringify(value));
  const isLeaf = (value) => value === null || typeof value !== "object" || Object.keys(value).length === 0;

  function write(request) {
    return HEAD + mapping(request, 0).map((line) => `${line}\n`).join("");
  }

  function mapping(group, depth) {
    const pad = " ".repeat(depth);
    return Object.entries(group).flatMap(([name, value]) => {
      if (isLeaf(value)) return [`${pad}${name}: ${scalar(value)}`];
      if (Array.isArray(value)) return [`${pad}${name}:`, ...sequence(value, depth + 2)];
      return [`${pad}${name}:`, ...mapping(value, depth + 2)];
    });
  }

  function sequence(items, depth) {
    const pad = " ".repeat(depth);
    return items.flatMap((one) => {
      if (isLeaf(one)) return [`${pad}- ${scalar(one)}`];
      const [first, ...rest] = mapping(one, depth + 2);
      return [`${pad}- ${first.trimStart()}`, ...rest];
    });
  }

  function read(text) {
    const lines = text.replace(/^\ufeff/, "").split(/\r?\n/).map((line, at) => ({ text: line, number: at + 1 }));
    const reader = { lines: lines.filter((line) => line.text.trim() && !line.text.trimStart().startsWith("#")), at: 0 };
    const found = reader.lines.length ? block(reader, 0) : {};
    if (reader.at < reader.lines.length) fail(reader.lines[reader.at]);
    return found;
  }

  const indent = (line) => line.text.length - line.text.trimStart().length;
  const isItem = (line) => line.text.trimStart().startsWith("- ");
  const here = (reader, depth) => reader.at < reader.lines.length && indent(reader.lines[reader.at]) === depth;
  const block = (reader, depth) => (isItem(reader.lines[reader.at]) ? items(reader, depth) : fields(reader, depth));

  function fields(reader, depth) {
    const found = Object.create(null);
    while (here(reader, depth) && !isItem(reader.lines[reader.at])) {
      const line = reader.lines[reader.at];
      const parts = /^([a-z][a-z0-9_]*):(?: (.+))?$/.exec(line.text.slice(depth));
      if (!parts || parts[1] in found) fail(line);
      reader.at += 1;
      found[parts[1]] = parts[2] === undefined ? below(reader, depth, line) : value(parts[2], line);
    }
    return { ...found };
  }

  function below(reader, depth, line) {
    if (reader.at >= reader.lines.length || indent(reader.lines[reader.at]) <= depth) fail(line);
    return block(reader, indent(reader.lines[reader.at]));
  }

  function items(reader, depth) {
    const found = [];
    while (here(reader, depth) && isItem(reader.lines[reader.at])) {
      const line = reader.lines[reader.at];
      const rest = line.text.slice(depth + 2);
      if (/^[a-z][a-z0-9_]*:( |$)/.test(rest)) {
        reader.lines[reader.at] = { text: " ".repeat(depth + 2) + rest, number: line.number };
        found.push(fields(reader, depth + 2));
      } else {
        reader.at += 1;
        found.push(value(rest, line));
      }
    }
    return found;
  }

  function value(text, line) {
    if (text === "[]") return [];
    if (text === "{}") return {};
    if (text === "null") return null;
    if (text === "true" || text === "false") return text === "true";
    if (/^-?(0|[1-9]\d{0,15})$/.test(text)) return Number(text);
    try {
      if (text.startsWith('"')) return JSON.parse(text);
    } catch {
      fail(line);
    }
    return fail(line);
  }

  function fail(line) {
    throw new Error(`Line ${line.number} was not written by this form. Open a file that the form saved, or mend it in an editor and check it by: extracts request check`);
  }

  return { write, read };
})();
