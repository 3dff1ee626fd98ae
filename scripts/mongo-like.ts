// `node scripts/mongo-like.ts -- command [arguments]` runs a command beside a server that speaks MongoDB's protocol (mongo-java-server, in memory), on a free
// port of 127.0.0.1, gone afterwards. The command finds it in HOLDFAST_TEST_MONGODB. Needs Java and Maven; what Maven brings is kept in node_modules/.cache.
// It is an imitation: transactions, sessions, validators and failover are not shown by it, and Holdfast uses none of the first three.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { commandOf, freePort, runBeside, startServer } from "./beside.ts";
import { root } from "./repository.ts";

const folder = path.join(root, "node_modules/.cache/mongo-like");
const version = "1.47.0";

const pom = `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>holdfast</groupId><artifactId>mongo-like</artifactId><version>1</version><packaging>pom</packaging><dependencies>
<dependency><groupId>de.bwaldvogel</groupId><artifactId>mongo-java-server</artifactId><version>${version}</version></dependency>
<dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>2.0.16</version></dependency>
</dependencies></project>
`;

/** The server says that it is older than the driver will have it. */
const program = `import de.bwaldvogel.mongo.*; import de.bwaldvogel.mongo.backend.memory.MemoryBackend; import java.util.*;
public class MongoLike { public static void main(String[] args) throws Exception {
  MongoVersion version = new MongoVersion() {
    public List<Integer> getVersionArray() { return List.of(5, 0, 0, 0); }
    public int getWireVersion() { return 13; } };
  new MongoServer(new MemoryBackend().version(version)).bind("127.0.0.1", Integer.parseInt(args[0]));
  System.out.println("ready"); Thread.currentThread().join(); } }
`;

function run(command: string, args: readonly string[]): void {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd: folder, encoding: "utf8" });
  if (status !== 0) throw new Error(`${command} failed: ${error?.message ?? ""}${stdout}${stderr}`.slice(0, 2_000));
}

/** Once for each checkout. */
function build(): void {
  if (existsSync(path.join(folder, "classes/MongoLike.class"))) return;
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, "pom.xml"), pom);
  writeFileSync(path.join(folder, "MongoLike.java"), program);
  run("mvn", ["-q", "-B", "dependency:copy-dependencies", "-DincludeScope=runtime", "-DoutputDirectory=libs"]);
  run("javac", ["-cp", "libs/*", "-d", "classes", "MongoLike.java"]);
}

if (import.meta.main) {
  const command = commandOf("mongo-like.ts");
  build();
  const port = String(await freePort());
  const java = [
    "java",
    "-Xmx256m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    // It encodes an answer while another of its threads changes the document in it, and then never answers: one thread.
    "-Dio.netty.eventLoopThreads=1",
    // It warns of each index that it does not keep.
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=error",
  ];
  const server = await startServer([...java, "-cp", "classes:libs/*", "MongoLike", port], folder);
  process.exitCode = await runBeside(server, command, { HOLDFAST_TEST_MONGODB: `mongodb://127.0.0.1:${port}` });
}
