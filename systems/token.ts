import { token } from "holdfast/cli";

await token(process.argv.slice(2), process.env);
