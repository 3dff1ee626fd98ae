import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Type as t } from "typebox";
import { ConfigError, configTable, loadConfig, secret, type ConfigSection, type ConfigSources } from "./index.ts";

const section = {
  name: "orders",
  fields: {
    maxLines: t.Integer({ default: 100, minimum: 1 }),
    token: secret(t.String({ minLength: 8 })),
    mode: t.Union([t.Literal("a"), t.Literal("b")], { default: "a" }),
  },
};

test("settings come from flags before the environment before defaults, and say so; secrets are masked", () => {
  const config = loadConfig([section], {
    env: { HOLDFAST_ORDERS_TOKEN: "very-secret", HOLDFAST_ORDERS_MAX_LINES: "5" },
    flags: ["--orders.max-lines=7"],
  });
  assert.deepEqual(config.section("orders"), { maxLines: 7, token: "very-secret", mode: "a" });
  const table = configTable(config);
  assert.match(table, /maxLines\s+7\s+\(--orders\.max-lines\)/);
  assert.ok(!table.includes("very-secret"));
});

test("nothing of a secret is told, neither its value nor its default, however wrong it is", () => {
  const vault = {
    name: "vault",
    fields: {
      key: secret(t.String({ default: "built-in", minLength: 20 })),
      url: secret(t.String({ pattern: "^https:" })),
    },
  };
  const flags = ["--vault.key=hunter2", "--vault.urll=https://user:password@host"];
  assert.throws(
    () => loadConfig([vault], { env: { HOLDFAST_VAULT_URL: "ftp://user:password@host" }, flags }),
    (error) =>
      error instanceof ConfigError && error.faults.length === 3 && !/built-in|hunter2|password/.test(error.message),
  );
});

test("a flag that is given twice is a fault, and odd names are no settings", () => {
  const flags = ["--orders.mode=a", "--orders.mode=b", "--__proto__=x", "--constructor", "--orders.token=12345678"];
  assert.throws(
    () => loadConfig([section], { env: {}, flags }),
    (error) =>
      error instanceof ConfigError &&
      ["--orders.mode is given twice", "--__proto__ is not", "--constructor is not"].every((text) =>
        error.message.includes(text),
      ),
  );
});

test("all wrong settings are told at once, with where they were set and what was meant", () => {
  assert.throws(
    () =>
      loadConfig([section], {
        env: { HOLDFAST_ORDERS_MAX_LINES: "none", HOLDFAST_ORDERS_TOKEN: "short", HOLDFAST_ORDERS_MODEL: "x" },
      }),
    (error) =>
      error instanceof ConfigError &&
      error.faults.length === 3 &&
      !error.message.includes("short") &&
      /did you mean HOLDFAST_ORDERS_MODE\?/.test(error.message),
  );
});

test("what is wrong with settings together is told beside what is wrong elsewhere, and not before each is right", () => {
  const pair = {
    name: "pair",
    fields: { from: t.Integer({ default: 1 }), upTo: t.Integer({ default: 9 }) },
    faults: ({ from, upTo }: { readonly from: number; readonly upTo: number }, name: (field: string) => string) =>
      from > upTo ? [`${name("upTo")} is below ${name("from")}.`] : [],
  };
  const told = (env: ConfigSources["env"]) => {
    try {
      loadConfig([pair, section], { env });
    } catch (error) {
      assert.ok(error instanceof ConfigError);
      return error.faults;
    }
    return [];
  };
  const token = { HOLDFAST_ORDERS_TOKEN: "very-secret" };
  assert.deepEqual(told({ ...token, HOLDFAST_PAIR_FROM: "9" }), []);
  const below = "HOLDFAST_PAIR_UP_TO (or --pair.up-to) is below HOLDFAST_PAIR_FROM (or --pair.from).";
  assert.deepEqual(told({ ...token, HOLDFAST_PAIR_FROM: "10" }), [below]);
  assert.deepEqual(told({ HOLDFAST_PAIR_FROM: "10", HOLDFAST_ORDERS_MODE: "c" }).length, 3);
  const [alone = "", ...more] = told({ ...token, HOLDFAST_PAIR_FROM: "10", HOLDFAST_PAIR_UP_TO: "x" });
  assert.match(alone, /^HOLDFAST_PAIR_UP_TO is "x"/);
  assert.deepEqual(more, []);
});

const process = {
  name: "",
  fields: {
    data: t.String({ default: "./here" }),
    port: t.Integer({ default: 8080, minimum: 0 }),
    share: t.Optional(t.Number()),
    showConfig: t.Boolean({ default: false }),
  },
};

function faultsOf(sources: Partial<ConfigSources>, sections: readonly ConfigSection[] = [process]): readonly string[] {
  try {
    loadConfig(sections, { env: {}, ...sources });
    return [];
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.faults;
  }
}
const valuesOf = (sources: Partial<ConfigSources>) => loadConfig([process], { env: {}, ...sources }).section("");

test("a flag alone turns a boolean on and nothing else; off is =false, and --no-… says so", () => {
  assert.equal(valuesOf({ flags: ["--show-config"] })["showConfig"], true);
  assert.equal(
    valuesOf({ flags: ["--show-config=false"], env: { HOLDFAST_SHOW_CONFIG: "true" } })["showConfig"],
    false,
  );
  assert.deepEqual(faultsOf({ flags: ["--data"] }), ["--data is given without a value: write --data=…."]);
  assert.deepEqual(faultsOf({ flags: ["--no-show-config"] }), [
    "--no-show-config is not a setting; write --show-config=false.",
  ]);
});

test("an empty value is the empty string: right for a text that may be empty, wrong for all else", () => {
  assert.equal(valuesOf({ flags: ["--data="] })["data"], "");
  assert.equal(valuesOf({ env: { HOLDFAST_DATA: "" } })["data"], "");
  assert.match(faultsOf({ flags: ["--port="] })[0] ?? "", /^--port is "": it must fit/);
  assert.match(faultsOf({ env: { HOLDFAST_SHOW_CONFIG: "" } })[0] ?? "", /^HOLDFAST_SHOW_CONFIG is "": it must fit/);
});

test("numbers are decimal, and what is none is shown as it was written", () => {
  for (const [text, value] of [
    ["0", 0],
    ["12", 12],
    ["1.50", 1.5],
    ["-2e3", -2_000],
  ] as const)
    assert.equal(valuesOf({ flags: [`--share=${text}`] })["share"], value);
  for (const text of ["0x10", "Infinity", "NaN", "1_000", " 1", "1e999", "ten"])
    assert.match(faultsOf({ flags: [`--share=${text}`] }).join(), new RegExp(`^--share is "${text}": [^]*$`), text);
  assert.match(faultsOf({ env: { HOLDFAST_PORT: "many" } })[0] ?? "", /^HOLDFAST_PORT is "many"/);
  assert.equal(faultsOf({ flags: ["--port=1.5"] }).length, 1);
});

test("a choice of secrets is not told either", () => {
  const key = secret(t.Union([t.Literal("hunter2"), t.Literal("hunter3")]));
  const [missing = ""] = faultsOf({}, [{ name: "vault", fields: { key } }]);
  const [wrong = ""] = faultsOf({ env: { HOLDFAST_VAULT_KEY: "hunter4" } }, [{ name: "vault", fields: { key } }]);
  assert.match(missing, /^HOLDFAST_VAULT_KEY \(or --vault\.key\) is not set/);
  assert.match(wrong, /^HOLDFAST_VAULT_KEY is \(secret\)/);
  assert.doesNotMatch(missing + wrong, /hunter/);
});

test("two settings of one name in the environment are a fault", () => {
  const sections = [
    { name: "a-b", fields: { c: t.String({ default: "" }) } },
    { name: "a", fields: { bC: t.String({ default: "" }) } },
  ];
  assert.match(faultsOf({}, sections)[0] ?? "", /^HOLDFAST_A_B_C is the name of two settings/);
});

test("whatever the flags and the environment say, it loads or tells faults, and no value of a secret is in them", () => {
  const value = fc.string({ minLength: 6 }).map((text) => `marked-${text}`);
  const name = fc.constantFrom("--orders.token", "--orders.tokn", "--orders", "--", "--__proto__", "--orders.mode");
  const flags = fc.array(
    fc.tuple(name, value).map(([flag, text]) => `${flag}=${text}`),
    { maxLength: 4 },
  );
  fc.assert(
    fc.property(flags, fc.option(value, { nil: undefined }), (given, token) => {
      const faults = faultsOf({ flags: given, env: { HOLDFAST_ORDERS_TOKEN: token } }, [section]);
      const told = faults.filter((fault) => !fault.startsWith("--orders.mode is ")).join("\n");
      assert.ok(!told.includes("marked-"), told);
    }),
  );
});
