type Flat<T> = { [K in keyof T]: T[K] } & {};
type OptionalKeys<P> = { [K in keyof P]: P[K] extends { readonly "~optional": true } ? K : never }[keyof P];
type ObjectValue<P> = Flat<
  { [K in Exclude<keyof P, OptionalKeys<P>>]: Value<P[K]> } & { [K in OptionalKeys<P>]?: Value<P[K]> }
>;

/**
 * The type of what a schema describes. An own inference in place of TypeBox's `Static`: applied to type parameters of handlers it costs a tenth.
 * Kinds beside these are start-up faults.
 */
export type Value<S> = S extends { "~kind": infer K }
  ? K extends "Object"
    ? S extends { properties: infer P }
      ? ObjectValue<P>
      : never
    : K extends "Array"
      ? S extends { items: infer I }
        ? Value<I>[]
        : never
      : K extends "String"
        ? string
        : K extends "Integer" | "Number"
          ? number
          : K extends "Boolean"
            ? boolean
            : K extends "Null"
              ? null
              : K extends "Literal"
                ? S extends { const: infer C }
                  ? C
                  : never
                : K extends "Union"
                  ? S extends { anyOf: infer U extends readonly unknown[] }
                    ? Value<U[number]>
                    : never
                  : K extends "Record"
                    ? S extends { patternProperties: infer P }
                      ? { [key: string]: Value<P[keyof P]> }
                      : never
                    : K extends "Bytes"
                      ? Uint8Array
                      : unknown
  : unknown;
