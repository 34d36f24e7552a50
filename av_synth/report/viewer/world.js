// The scene: what is there, drawn for one frame and one view.

import { pictureNet, rayThrough } from "./camera.js";
import { add, apply, axis, cross, dot, hitsBox, sub } from "./maths.js";
import { Boxes, Lines, Pictures, Points, Surface } from "./gl.js";

const GROUND = [25, 28, 32];
const TOWN = {
  road: [52, 56, 62], parking: [60, 63, 70], sidewalk: [84, 86, 92], other: [40, 47, 44],
  paint: [200, 203, 208], yellow: [158, 136, 78], kerb: [118, 120, 126],
};
const MODES = { intensity: 0, class: 1, height: 2 };
const TRAIL_S = 4, FUTURE_S = 3;
const FRUSTUM_M = 1.5;
const PIECES = 16; // of a line that a lens bends
const AMBER = [255, 196, 61];
const ACROSS = [[0, 1], [1, 2], [2, 3], [3, 0], [4, 5], [5, 6], [6, 7], [7, 4], [0, 4], [1, 5], [2, 6], [3, 7]];
const SIGNS = [[1, 1, 1], [1, -1, 1], [1, -1, -1], [1, 1, -1], [-1, 1, 1], [-1, -1, 1], [-1, -1, -1], [-1, 1, -1]];
const STILL = new Float32Array([1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]);

export class World {
  constructor(gl, data) {
    this.gl = gl;
    this.data = data;
    const a = data.arrays, palette = this.#palette(), count = a.structure_kinds.length;
    this.town = new Surface(gl, ...this.#townTriangles());
    this.structure = new Points(gl, a.structure, new Uint8Array(count), a.structure_kinds, data.structureUnit, palette);
    this.lidar = new Points(gl, a.lidar_points, a.lidar_intensity, a.lidar_kinds, 0.01, palette);
    this.boxes = new Boxes(gl);
    this.lines = new Lines(gl);
    this.pictures = new Pictures(gl);
  }

  #palette() {
    const colours = new Uint8Array(256 * 4).fill(150);
    for (let k = 0; k < 256; k++) colours[4 * k + 3] = 255;
    this.data.categoryColours.forEach((rgb, k) => colours.set(rgb, 4 * k));
    return colours;
  }

  #townTriangles() {
    const { town_quads: quads, town_kinds: kinds } = this.data.arrays, corners = [0, 1, 2, 0, 2, 3];
    const low = quads.reduce((least, v, k) => (k % 3 === 2 ? Math.min(least, v) : least), 0) - 0.12, far = 1400;
    const places = new Float32Array(18 * (kinds.length + 1)), colours = new Uint8Array(18 * (kinds.length + 1));
    const plain = [[-far, -far, low], [far, -far, low], [far, far, low], [-far, far, low]];
    corners.forEach((c, k) => { places.set(plain[c], 3 * k); colours.set(GROUND, 3 * k); });
    kinds.forEach((kind, q) => corners.forEach((c, k) => {
      places.set(quads.subarray(12 * q + 3 * c, 12 * q + 3 * c + 3), 18 * (q + 1) + 3 * k);
      colours.set(TOWN[this.data.townKinds[kind]], 18 * (q + 1) + 3 * k);
    }));
    return [places, colours];
  }

  // show: what the panel's switches say; images: pictures by camera; followed: an actor
  draw(view, { frame, followed, show, images, through }) {
    const gl = this.gl;
    gl.viewport(0, 0, view.width, view.height);
    gl.clearColor(...view.back, 1);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    gl.enable(gl.DEPTH_TEST);
    gl.disable(gl.BLEND);
    if (through >= 0) this.#backdrop(view, frame, images[through], through);
    else {
      if (show.town) this.town.draw(view);
      if (show.structure) {
        const count = this.data.arrays.structure_kinds.length;
        this.structure.draw(view, STILL, { start: 0, count, mode: 1, size: [0.2, 1, 6], dim: 0.5, clear: view.clear });
      }
    }
    if (show.lidar) this.#lidar(view, frame, show, through >= 0);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.SRC_ALPHA, gl.ONE_MINUS_SRC_ALPHA);
    if (show.trails && through < 0) this.#trails(frame, followed, show);
    if (show.frusta && through < 0) this.#frusta(view, frame, images);
    if (show.boxes) this.#boxes(view, frame, followed, show, through);
    gl.depthMask(false);
    this.lines.draw(view);
    gl.depthMask(true);
  }

  visible(frame, show) {
    return this.data.actors.map((_, k) => k)
      .filter((k) => this.data.isThere(k, frame) && !show.hidden.has(this.data.actors[k].class));
  }

  #lidar(view, frame, { colour }, onPicture) {
    const d = this.data, turn = d.newest(colour === "class" ? d.keyTurns : d.turns, frame);
    if (!turn) return;
    const size = onPicture ? [0.02, 2, 4] : [0.05, 1.7, 5];
    this.lidar.draw(view, d.worldFromEgo(turn.frame), { start: turn.start, count: turn.count, mode: MODES[colour], size, dim: 1 });
  }

  #boxes(view, frame, followed, show, through) {
    const d = this.data, rows = [], seen = this.visible(frame, show).filter((k) => through < 0 || !d.actors[k].ego);
    const away = (m) => Math.hypot(m[12] - view.eye[0], m[13] - view.eye[1], m[14] - view.eye[2]);
    const placed = seen.map((k) => [k, d.box(k, frame)]).sort((a, b) => away(b[1]) - away(a[1]));
    for (const [actor, box] of placed) {
      const { size } = d.actors[actor], rgb = d.colour(actor), mine = actor === followed;
      const model = Float32Array.from(box, (v, k) => (k < 12 ? v * (size[k >> 2] ?? 1) : v));
      if (through < 0) rows.push([model, [...rgb.map((v) => v / 255), show.lidar ? 0.5 : 0.85]]);
      const corners = SIGNS.map(([x, y, z]) => apply(model, [x / 2, y / 2, z / 2]));
      for (const [a, b] of ACROSS) this.#edge(view, corners[a], corners[b], mine ? AMBER : rgb, mine ? 1 : 0.8, mine ? 2.6 : 1.3);
    }
    this.gl.depthMask(!show.lidar);
    this.boxes.draw(view, rows);
    this.gl.depthMask(true);
  }

  // in as many pieces as what is looked through needs
  #edge(view, from, to, ...how) {
    const pieces = view.lens ? PIECES : 1, at = (k) => add(from, sub(to, from), k / pieces);
    for (let k = 0; k < pieces; k++) this.lines.add(at(k), at(k + 1), ...how);
  }

  #trails(frame, followed, show) {
    const d = this.data, at = (k, f) => { const p = d.position(k, f); p[2] += 0.12; return p; };
    const tick = d.frames > 1 ? d.times[1] - d.times[0] : 1, step = Math.max(1, Math.round(0.15 / tick));
    for (const k of this.visible(frame, show)) {
      if (!d.moves[k]) continue;
      const [first, last] = d.range(k), rgb = k === followed ? AMBER : d.colour(k);
      const oldest = Math.max(first, frame - Math.round(TRAIL_S / tick));
      for (let f = frame; f > oldest; f -= step) {
        const fresh = 1 - (frame - f) / Math.max(1, frame - oldest);
        this.lines.add(at(k, f), at(k, Math.max(oldest, f - step)), rgb, 0.1 + 0.7 * fresh, k === followed ? 3 : 2);
      }
      if (k !== followed) continue;
      const newest = Math.min(last, frame + Math.round(FUTURE_S / tick));
      for (let f = frame; f + step <= newest; f += 2 * step) this.lines.add(at(k, f), at(k, f + step), rgb, 0.55, 1.6);
    }
  }

  #frusta(view, frame, images) {
    const ego = this.data.worldFromEgo(frame);
    this.data.cameras.forEach((camera, k) => {
      const net = pictureNet(ego, camera, FRUSTUM_M), eye = apply(ego, [camera.pose[3], camera.pose[7], camera.pose[11]]);
      const left = net.map((row) => row[0]), right = net.map((row) => row.at(-1));
      const around = [...net[0], ...right.slice(1), ...net.at(-1).toReversed().slice(1), ...left.toReversed().slice(1)];
      const corners = [left[0], right[0], right.at(-1), left.at(-1)];
      corners.forEach((corner) => this.lines.add(eye, corner, [190, 200, 214], 0.35, 1));
      around.slice(1).forEach((place, n) => this.lines.add(around[n], place, [190, 200, 214], 0.7, 1.2));
      // from outside a picture is the wrong way round, and in the way
      const ahead = cross(sub(corners[3], corners[0]), sub(corners[1], corners[0]));
      if (images[k] && dot(ahead, sub(view.eye, corners[0])) * dot(ahead, sub(eye, corners[0])) > 0) {
        this.pictures.draw(view, k, images[k].image, net);
      }
    });
  }

  #backdrop(view, frame, held, through) {
    if (!held) return;
    this.gl.disable(this.gl.DEPTH_TEST);
    // as it is: what lies over it is bent
    const net = pictureNet(this.data.worldFromEgo(frame), { ...this.data.cameras[through], lens: null }, 5);
    this.pictures.draw(view, through, held.image, net);
    this.gl.enable(this.gl.DEPTH_TEST);
  }

  // the actor under a pixel, or -1
  pick(view, x, y, frame, show, through) {
    const ray = rayThrough(view, x, y), origin = view.eye;
    let best = -1, nearest = Infinity;
    for (const k of this.visible(frame, show)) {
      if (through >= 0 && this.data.actors[k].ego) continue;
      const far = hitsBox(origin, ray, this.data.box(k, frame), this.data.actors[k].size, 0.15);
      if (far < nearest) [best, nearest] = [k, far];
    }
    return best;
  }

  // above the middle of an actor's box
  top(actor, frame) {
    const box = this.data.box(actor, frame), p = axis(box, 3);
    p[2] += this.data.actors[actor].size[2] / 2 + 0.25;
    return p;
  }
}
