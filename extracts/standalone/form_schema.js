"use strict";
// Checks a value against the published JSON Schema: the keywords that it uses, and no other (a test compares them).
// Says faults in the words of `extracts request check`. A path is the list of names and numbers that lead to a value.
const Schema = (() => {
  const has = (object, name) => Object.prototype.hasOwnProperty.call(object, name);
  const length = (text) => [...text].length;
  const isGroup = (value) => value !== null && typeof value === "object" && !Array.isArray(value);
  // Of each shape that the schema knows, one that has it: the first that fits is shown.
  const EXAMPLES = ["SDDSB-2026-014", "S92000003", "name@body.example", "https://body.example/notice", "fife-council", "benefit_cap", "2026-11-23"];
  const TYPES = {
    string: { is: (v) => typeof v === "string", words: "must be text" },
    integer: { is: (v) => Number.isInteger(v), words: "must be a whole number" },
    number: { is: (v) => typeof v === "number", words: "must be a number" },
    boolean: { is: (v) => typeof v === "boolean", words: "must be yes or no" },
    array: { is: Array.isArray, words: "must be a list" },
    object: { is: isGroup, words: "must be a group of fields" },
    null: { is: (v) => v === null, words: "must be empty" },
  };

  function resolve(root, node) {
    while (has(node, "$ref")) {
      const { $ref, ...beside } = node;
      node = { ...root.$defs[$ref.split("/").pop()], ...beside };
    }
    return node;
  }

  function problems(root, value) {
    return check(root, root, value, []);
  }

  function check(root, raw, value, path) {
    const node = resolve(root, raw);
    const fault = (message) => [{ path, message }];
    if (has(node, "anyOf")) {
      const { anyOf: any, ...beside } = node;
      const found = anyOf(root, { anyOf: any }, value, path);
      return found.length ? found : check(root, beside, value, path);
    }
    if (has(node, "type")) {
      const types = [].concat(node.type);
      if (!types.some((name) => TYPES[name].is(value))) return fault(types.length > 1 ? "must be text, a number, yes or no" : TYPES[types[0]].words);
    }
    if (has(node, "not") && check(root, node.not, value, path).length === 0) return fault("must not be empty");
    if (has(node, "enum") && !node.enum.includes(value)) return fault(`must be one of: ${node.enum.join(", ")}`);
    if (has(node, "const") && value !== node.const) return fault(`must be ${node.const}`);
    if (typeof value === "string") return text(node, value, fault);
    if (typeof value === "number") return number(node, value, fault);
    if (Array.isArray(value)) return list(root, node, value, path, fault);
    if (isGroup(value)) return group(root, node, value, path);
    return [];
  }

  function anyOf(root, node, value, path) {
    const tried = node.anyOf.map((one) => check(root, one, value, path));
    if (tried.some((found) => found.length === 0)) return [];
    const likely = tried.filter((found, at) => !onlyOfKind(root, node.anyOf[at], value, found, path));
    return likely.length === 1 ? likely[0] : [{ path, message: "is in none of the forms that it may have" }];
  }

  // Whether a branch is meant for another kind of value: it fails at the value itself, and not inside of it.
  function onlyOfKind(root, raw, value, found, path) {
    const node = resolve(root, raw);
    const types = has(node, "type") ? [].concat(node.type) : [];
    const wrongKind = types.length > 0 && !types.some((name) => TYPES[name].is(value));
    const wrongNames = isGroup(value) && has(node, "required") && !node.required.every((name) => has(value, name));
    return wrongKind || wrongNames || (has(node, "enum") && typeof value !== "string");
  }

  function text(node, value, fault) {
    if (has(node, "minLength") && length(value.trim()) < node.minLength) return fault("is empty; write something");
    if (has(node, "maxLength") && length(value) > node.maxLength) return fault(`has more than ${node.maxLength} characters`);
    if (node.format === "date" && !isDay(value)) return fault("must be a day that there is, written as 2026-11-23");
    if (has(node, "pattern") && !new RegExp(node.pattern).test(value)) return fault(`does not have the right shape; an example: ${EXAMPLES.find((one) => new RegExp(node.pattern).test(one)) || node.pattern}`);
    return [];
  }

  function isDay(value) {
    if (!/^\d{4}-\d\d-\d\d$/.test(value)) return false;
    const found = new Date(`${value}T00:00:00Z`);
    return !Number.isNaN(found.getTime()) && found.toISOString().startsWith(value);
  }

  function number(node, value, fault) {
    if (has(node, "minimum") && value < node.minimum) return fault(`must be ${node.minimum} or more`);
    if (has(node, "maximum") && value > node.maximum) return fault(`must be ${node.maximum} or less`);
    return [];
  }

  function list(root, node, value, path, fault) {
    const items = value.flatMap((one, at) => {
      const of = (node.prefixItems || [])[at] || node.items;
      return of ? check(root, of, one, [...path, at]) : [];
    });
    if (items.length) return items;
    if (has(node, "minItems") && value.length < node.minItems) return fault(`needs at least ${node.minItems}`);
    if (has(node, "maxItems") && value.length > node.maxItems) return fault(`may have ${node.maxItems} at most`);
    return [];
  }

  function group(root, node, value, path) {
    const fields = node.properties || {};
    const found = [];
    for (const name of node.required || []) if (!has(value, name)) found.push({ path: [...path, name], message: "is missing" });
    for (const name of Object.keys(value)) {
      if (has(fields, name)) found.push(...check(root, fields[name], value[name], [...path, name]));
      else if (node.additionalProperties === false) found.push({ path: [...path, name], message: "no field has this name" });
    }
    return has(node, "oneOf") && !found.length ? oneOf(root, node, value, path) : found;
  }

  function oneOf(root, node, value, path) {
    const tried = node.oneOf.map((one) => check(root, one, value, path));
    if (tried.filter((one) => one.length === 0).length === 1) return [];
    const stated = node.oneOf.filter((one) => one.required.every((name) => has(value, name) && value[name] !== null));
    if (stated.length === 1) return tried[node.oneOf.indexOf(stated[0])];
    const names = node.oneOf.flatMap((one) => one.required);
    // Of the request as a whole, at the field that most requests fill in.
    return [{ path: path.length ? path : [names[0]], message: `needs exactly one of: ${names.join(", ")}` }];
  }

  // Those that say something about a value; the others (title, description, default) are for people.
  const KEYWORDS = ["$ref", "additionalProperties", "anyOf", "const", "enum", "format", "items", "maxItems", "maxLength", "maximum", "minItems", "minLength", "minimum", "not", "oneOf", "pattern", "prefixItems", "properties", "required", "type"];
  return { problems, resolve, has, isGroup, KEYWORDS };
})();
