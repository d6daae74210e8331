// What axe-core finds on a page, in the light and in the dark.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

// Fails with every violation. Evaluated through the debugger, which the page's policy does not concern.
export async function accessible(page, what) {
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    await page.evaluate(AXE);
    const found = await page.evaluate(() => globalThis.axe.run(document, {
      runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    }));
    const violations = found.violations.map((one) =>
      `${one.id}: ${one.help}\n${one.nodes.map((node) => `    ${node.html}\n    ${node.failureSummary}`).join("\n")}`);
    if (violations.length) throw new Error(`${what}, ${colorScheme}:\n  ${violations.join("\n  ")}`);
  }
  await page.emulateMedia({ colorScheme: null });
}
