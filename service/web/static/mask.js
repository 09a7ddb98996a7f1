// Masks: the label maps of findings, fetched once each; one label on one image as paths along the edges of its pixels.

const MOST = 512 * 1024 * 1024; // pixels of a label map, a byte each
const KEPT = 64;

export class Masks {
  // `known`: {sha256: {rows, columns, images}}, the images in the order of the map's slices.
  constructor(address, known) {
    Object.assign(this, { address, known, maps: new Map(), asked: new Map(), drawn: new Map() });
  }

  get digests() { return Object.keys(this.known); }

  load(sha256) {
    if (!this.asked.has(sha256)) this.asked.set(sha256, this.#load(sha256));
    return this.asked.get(sha256);
  }

  async #load(sha256) {
    const { rows, columns, images } = this.known[sha256], size = rows * columns * images.length;
    if (size > MOST) throw new Error(_("It is too large for this page; the segmentation in the archive has it."));
    const answer = await fetch(`${this.address}/${sha256}`, { headers: { Accept: "application/octet-stream, application/json" }, credentials: "same-origin" });
    if (!answer.ok) throw new Error(problem(await answer.json().catch(() => ({})), answer.status));
    const labels = new Uint8Array(await new Response(answer.body.pipeThrough(new DecompressionStream("deflate"))).arrayBuffer());
    if (labels.length !== size) throw new Error(_("It does not have the size of its images."));
    this.maps.set(sha256, labels);
  }

  // The labels of one image; undefined where it is not under the map, or the map is not here.
  plane(sha256, instance) {
    const labels = this.maps.get(sha256), { rows, columns, images } = this.known[sha256] ?? {};
    const at = images?.indexOf(instance) ?? -1, size = rows * columns;
    return labels && at >= 0 ? { rows, columns, labels: labels.subarray(at * size, (at + 1) * size) } : undefined;
  }

  // The image with the most pixels of a label, as its SOP Instance UID.
  widest({ sha256, label }) {
    let best, most = 0;
    for (const instance of this.known[sha256]?.images ?? []) {
      let count = 0;
      for (const each of this.plane(sha256, instance)?.labels ?? []) if (each === label) count++;
      if (count > most) [best, most] = [instance, count];
    }
    return best;
  }

  // {inside, edge}: path data in pixels of the image, from the upper left corner of its first pixel.
  paths({ sha256, label }, instance, { rows, columns }) {
    const key = `${sha256}/${label}/${instance}`;
    if (this.drawn.has(key)) return this.drawn.get(key);
    const plane = this.plane(sha256, instance);
    if (!plane || plane.rows !== rows || plane.columns !== columns) return undefined;
    if (this.drawn.size >= KEPT) this.drawn.clear();
    const made = outlined(plane, label);
    this.drawn.set(key, made);
    return made;
  }
}

// Each run of pixels in a row is a rectangle; the edge is every side that has the label on one hand only.
function outlined({ labels, rows, columns }, label) {
  const inside = [], edge = [], here = (row, column) => row >= 0 && row < rows && labels[row * columns + column] === label;
  for (let row = 0; row <= rows; row++) {
    for (const [from, to] of runs(columns, (column) => here(row, column))) {
      inside.push(`M${from} ${row}H${to}v1H${from}z`);
      edge.push(`M${from} ${row}v1M${to} ${row}v1`);
    }
    for (const [from, to] of runs(columns, (column) => here(row, column) !== here(row - 1, column)))
      edge.push(`M${from} ${row}H${to}`);
  }
  return { inside: inside.join(""), edge: edge.join("") };
}

function* runs(end, is) {
  for (let at = 0; at < end; at++) {
    if (!is(at)) continue;
    const from = at;
    while (at < end && is(at)) at++;
    yield [from, at];
  }
}
