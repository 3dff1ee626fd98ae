import { html, joined, type Html } from "./html.ts";
import { plain, type JsonSchema } from "./json-schema.ts";

interface Field {
  /** `lines[].sku`; empty for a value that has no fields. */
  readonly name: string;
  readonly required: boolean;
  readonly schema: JsonSchema;
}

/** A dot after which a line may break. */
const breakable = html`.<wbr />`;

/** A schema as a table of its fields, inner ones named by their way in. */
export function fieldsTable(caption: string, schema: JsonSchema): Html {
  const fields = fieldsOf(plain(schema));
  const rows = fields.map(({ name, required, schema: field }) => {
    const description = field["description"];
    return html`<tr>
      <th scope="row">
        ${
          name === ""
            ? "the value"
            : html`<code
                >${joined(
                  name.split(".").map((part) => html`${part}`),
                  breakable,
                )}</code
              >`
        }${required ? undefined : html` <small>optional</small>`}
      </th>
      <td>${typeText(field)}${typeof description === "string" ? html`<br />${description}` : undefined}</td>
    </tr>`;
  });
  return html`<table>
    <caption>
      ${caption}
    </caption>
    ${
      rows.length === 0
        ? html`<tr>
            <td>no fields</td>
          </tr>`
        : rows
    }
  </table>`;
}

function fieldsOf(schema: JsonSchema): readonly Field[] {
  const inner = innerFields(schema, "");
  return schema.properties === undefined ? [{ name: "", required: true, schema }, ...inner] : inner;
}

function innerFields(schema: JsonSchema, at: string): readonly Field[] {
  const { properties = {}, required = [], items, anyOf = [], patternProperties = {} } = schema;
  return [
    ...Object.entries(properties).flatMap(([key, field]) => {
      const name = at === "" ? key : `${at}.${key}`;
      return [{ name, required: required.includes(key), schema: field }, ...innerFields(field, name)];
    }),
    ...(items === undefined ? [] : innerFields(items, `${at}[]`)),
    ...anyOf.flatMap((branch) => innerFields(branch, at)),
    ...Object.values(patternProperties).flatMap((value) => innerFields(value, `${at}.*`)),
  ];
}

/** The type of a value as one reads it aloud: `string, 1 to 200 characters`. */
function typeText(schema: JsonSchema): Html {
  const otherwise = schema["default"];
  return html`${kindText(schema)}${otherwise === undefined ? undefined : html`, by default ${literal(otherwise)}`}`;
}

function kindText(schema: JsonSchema): Html {
  const { type = "any JSON", items, enum: values, const: constant, anyOf, patternProperties, format, pattern } = schema;
  if (values !== undefined) return joined(values.map(literal), " or ");
  if (constant !== undefined) return literal(constant);
  if (anyOf !== undefined) return joined(anyOf.map(typeText), " or ");
  if (items !== undefined) return html`list of ${typeText(items)}${range(schema, "Items", " items")}`;
  const [value] = Object.values(patternProperties ?? {});
  if (value !== undefined) return html`object of ${typeText(value)}`;
  const bounds = `${range(schema, "Length", " characters")}${range(schema, "imum", "")}`;
  const like = typeof pattern === "string" ? html`, like <code>${pattern}</code>` : undefined;
  return html`${type}${format === undefined ? undefined : `, ${format}`}${bounds}${like}`;
}

const literal = (value: unknown): Html => html`<code>${JSON.stringify(value)}</code>`;

/** `minLength` and `maxLength`, `minItems` and `maxItems`, `minimum` and `maximum`. */
function range(schema: JsonSchema, ending: string, unit: string): string {
  const [low, high] = [schema[`min${ending}`], schema[`max${ending}`]];
  if (typeof low === "number")
    return typeof high === "number"
      ? `, ${low === high ? "" : `${String(low)} to `}${String(high)}${unit}`
      : `, at least ${String(low)}${unit}`;
  return typeof high === "number" ? `, up to ${String(high)}${unit}` : "";
}
