// Makes the form from the schema: a group for each group of fields, a control for each field, lists that grow.
// `form` holds the request and is told of every change: get, put, remove (each by path), redraw.
const Fields = (() => {
  const { el, idOf, words, field, textInput, textArea, select, choices, button, linesOf } = Controls;
  const CHOICES = {
    "requester.organisation": "organisations",
    recipient: "recipients",
    "recipients.recipient": "recipients",
    "controllers.organisation": "organisations",
    "purpose.code": "purposes",
    "legal.gateway": "gateways",
  };

  function whole(form) {
    const schema = form.schema;
    const simple = el("fieldset", {}, el("legend", {}, "The request"));
    const made = [simple];
    for (const [name, raw] of Object.entries(schema.properties)) {
      const node = settle(schema, raw);
      const drawn = draw(form, node, [name], name, schema.required.includes(name));
      if (drawn.tagName === "FIELDSET") made.push(drawn);
      else simple.append(drawn);
    }
    return made;
  }

  // A field that may be null is drawn as what it is otherwise.
  function settle(schema, raw) {
    const node = Schema.resolve(schema, raw);
    const other = (node.anyOf || []).filter((one) => Schema.resolve(schema, one).type !== "null");
    if (!node.anyOf || other.length !== 1) return node;
    const { anyOf, ...beside } = node;
    return { ...Schema.resolve(schema, other[0]), ...beside };
  }

  function draw(form, node, path, name, required) {
    if (name === "datasets" && path.length === 1) return Datasets.draw(form);
    if (node.type === "object") return group(form, node, path, name, required);
    if (node.type === "array") return listed(form, node, path, name, required);
    const control = leaf(form, node, path);
    return field({ path, label: words(name), hint: hintOf(node), optional: !required, control });
  }

  function hintOf(node) {
    const usual = Schema.has(node, "default") && node.default !== null && node.default !== "" && !Array.isArray(node.default) && typeof node.default !== "object" ? ` If left out: ${node.default}.` : "";
    return (node.description || "").replace(/[;,]? ?[Ww]rite \[\] if (there are none|nobody)\.?/, ".").replace(/^\.$/, "").replaceAll("`", "") + usual;
  }

  function leaf(form, node, path) {
    const value = form.get(path);
    const put = (given) => (given === "" ? form.remove(path) : form.put(path, given));
    const known = CHOICES[path.filter((part) => typeof part !== "number").join(".")];
    if (known) return select(value, named(form.choices[known]), "Choose", put);
    if (node.enum) return select(value, Object.fromEntries(node.enum.map((one) => [one, one])), "Choose", put);
    if (node.type === "boolean") return select(value, { true: "yes", false: "no" }, "Choose", (given) => (given ? form.put(path, given === "true") : form.remove(path)));
    if (node.type === "integer") return textInput(value, (given) => put(/^-?\d{1,15}$/.test(given.trim()) ? Number(given) : given.trim()), { inputmode: "numeric", class: "short" });
    if (node.format === "date") return textInput(value, (given) => put(given.trim()), { placeholder: "2026-11-23", class: "short" });
    if (node.maxLength > 200) return textArea(value, put);
    return textInput(value, put);
  }

  const named = (options) => Object.fromEntries(Object.entries(options).map(([id, said]) => [id, `${said} (${id})`]));

  function group(form, node, path, name, required) {
    const made = el("fieldset", { id: idOf(path), "data-path": path.join("."), tabindex: "-1" }, el("legend", {}, words(name)), el("p", { class: "hint" }, node.description || ""));
    if (!required && form.get(path) === undefined) {
      made.append(button(`Add ${words(name).toLowerCase()}`, () => form.put(path, {}, true), { "data-add": path.join(".") }));
      return made;
    }
    members(form, node, path).forEach((one) => made.append(one));
    if (!required) made.append(button(`Leave ${words(name).toLowerCase()} out`, () => form.remove(path, true)));
    return made;
  }

  function members(form, node, path) {
    return Object.entries(node.properties).map(([name, raw]) => draw(form, settle(form.schema, raw), [...path, name], name, (node.required || []).includes(name)));
  }

  function listed(form, node, path, name, required) {
    const items = settle(form.schema, node.items);
    const value = form.get(path) || [];
    const keep = (given) => (given.length || required ? form.put(path, given) : form.remove(path));
    if (items.type === "object") return groups(form, items, path, name, value, required);
    if (items.enum) return field({ path, label: words(name), hint: node.description, optional: !required, control: choices(path, value, items.enum, keep), kind: "group" });
    const area = textArea(value.join("\n"), (given) => keep(linesOf(given)), { class: "list", rows: 2 });
    return field({ path, label: words(name), hint: `${hintOf(node)} One a line; none if it stays empty.`, optional: !required, control: area });
  }

  function groups(form, items, path, name, value, required) {
    const made = el("fieldset", { id: idOf(path), "data-path": path.join("."), tabindex: "-1" }, el("legend", {}, words(name)), el("p", { class: "hint" }, items.description || ""));
    const keep = (given) => (given.length || required ? form.put(path, given, true) : form.remove(path, true));
    value.forEach((_, at) => {
      const here = [...path, at];
      const inner = el("fieldset", {}, el("legend", {}, `${words(name)} ${at + 1}`));
      members(form, items, here).forEach((one) => inner.append(one));
      inner.append(button(`Remove ${words(name).toLowerCase()} ${at + 1}`, () => keep(value.filter((_one, other) => other !== at))));
      made.append(inner);
    });
    made.append(button(`Add to ${words(name).toLowerCase()}`, () => form.put(path, [...value, {}], true), { "data-add": path.join(".") }));
    return made;
  }

  return { whole, leaf, settle, hintOf };
})();
