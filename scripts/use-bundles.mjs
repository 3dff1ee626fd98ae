// @ts-check
// For `node --import`: answers the names of bundled packages with their bundles, for this checkout's own files.
import nodeModule from "node:module";
import { pathToFileURL } from "node:url";
import { areBundled, bundled, bundleOf } from "./bundles.mjs";

// Another Node than the one this checkout runs on may not have hooks: programs of others that inherit the option.
if ("registerHooks" in nodeModule && areBundled()) {
  const ours = new URL("..", import.meta.url).href;
  const urls = new Map(bundled.map((name) => [name, pathToFileURL(bundleOf(name)).href]));
  nodeModule.registerHooks({
    resolve(name, context, next) {
      const url = urls.get(name);
      const parent = context.parentURL ?? "";
      return url === undefined || !parent.startsWith(ours) || parent.includes("/node_modules/")
        ? next(name, context)
        : { url, format: "module", shortCircuit: true };
    },
  });
}
