// Shown: the report as the page shows it, for whatever asks about its words.

const HEADINGS = { findings: "Findings:", conclusions: "Conclusions:" };

/** The text without what was rejected, and where each of its lines begins and ends, in code points. */
export function shown() {
  let text = "";
  const places = [];
  for (const [section, heading] of Object.entries(HEADINGS)) {
    const lines = [...document.querySelectorAll(`.lines[data-section=${section}] .line`)].filter((each) => each.dataset.verdict !== "rejected");
    if (lines.length) text += `${heading}\n`;
    for (const line of lines) {
      const from = [...text].length;
      text += `${line.querySelector(".say").textContent}\n`;
      places.push({ line, from, to: [...text].length });
    }
  }
  return { text, places };
}
