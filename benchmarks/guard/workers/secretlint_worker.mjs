// secretlint with its recommended rules; the protocol is loop.py's.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const require = createRequire(`${process.cwd()}/`);
const { lintSource } = await import(pathToFileURL(require.resolve("@secretlint/core")));
const { creator } = await import(pathToFileURL(require.resolve("@secretlint/secretlint-rule-preset-recommend")));
const config = { rules: [{ id: "recommended", rule: creator, options: {} }] };

async function scan(text) {
  const source = { content: text, filePath: "text.txt", ext: ".txt", contentType: "text" };
  const { messages } = await lintSource({ source, options: { noPhysicFilePath: true, config } });
  // Offsets are of UTF-16 units there, of characters here.
  return messages.map(({ range }) => ["secret", ...range.map((unit) => [...text.slice(0, unit)].length)]);
}

const seconds = () => { const { user, system } = process.cpuUsage(); return (user + system) / 1e6; };
for await (const line of createInterface({ input: process.stdin })) {
  const { id, text } = JSON.parse(line);
  const began = seconds();
  const findings = await scan(text);
  console.log(JSON.stringify({ id, findings, s: seconds() - began }));
}
let bulk = null;
if (process.argv[2]) {
  const text = readFileSync(process.argv[2], "utf8");
  const began = seconds();
  let done = 0;
  for (let at = 0; at < text.length && seconds() - began < 5; at += 65536) {
    const piece = text.slice(at, at + 65536);
    await scan(piece);
    done += Buffer.byteLength(piece);
  }
  bulk = done / 1e6 / (seconds() - began);
}
const peak = readFileSync("/proc/self/status", "utf8").match(/VmHWM:\s+(\d+)/)[1] / 1024;
console.log(JSON.stringify({ rss_mib: peak, bulk_mb_s: bulk }));
