// Where one looks from: around a point that may ride along with an actor, or through one of the run's cameras.

import { bent, straightened } from "./lens.js";
import { add, apply, axis, clamp, fromRows, invertRigid, looking, multiply, projection, unit } from "./maths.js";

const FIELD = 0.42; // tangent of half the height of the view
const NEAR = 0.3, FAR = 1500;
const ACROSS_A_LENS = 16, DOWN_A_LENS = 9;
const WAYS = {
  behind: { yaw: 0, pitch: 0.3, reach: 25, shift: [7, 0, 0] },
  side: { yaw: Math.PI / 2, pitch: 0.3, reach: 24, shift: [0, 0, 0] },
  above: { yaw: 0, pitch: Math.PI / 2 - 0.001, reach: 62, shift: [8, 0, 0] },
};

export class Camera {
  constructor(data) {
    this.data = data;
    this.through = -1; // a camera of the run
    this.set("behind"); // `shift` is of the point looked at, in the axes of who is followed
  }

  set(name) {
    Object.assign(this, WAYS[name], { name, through: -1 });
  }

  turn(dx, dy) {
    this.yaw -= dx * 0.006;
    this.pitch = clamp(this.pitch + dy * 0.006, -0.15, Math.PI / 2 - 0.001);
    this.name = "";
  }

  zoom(steps) { this.reach = clamp(this.reach * 1.0015 ** steps, 2.5, 600); }

  // move the point looked at with the hand, in pixels of the window
  pan(dx, dy, height) {
    const k = (2 * FIELD * this.reach) / height, s = Math.sin(this.yaw), c = Math.cos(this.yaw);
    const right = -dx * k, ahead = (dy * k) / Math.max(0.3, Math.sin(this.pitch));
    this.shift = add(this.shift, [c * ahead + s * right, s * ahead - c * right, 0]);
    this.name = "";
  }

  // everything that drawing needs: `target` is where who is followed is, `heading` where it points
  view(target, heading, width, height, ratio, worldFromCamera) {
    const sides = worldFromCamera ? this.#lens(width, height) : [-FIELD * width / height, FIELD * width / height, -FIELD, FIELD];
    const place = worldFromCamera ?? this.#place(target, heading);
    const eye = axis(place, 3), matrix = multiply(projection(...sides, NEAR, FAR), invertRigid(place));
    const lens = worldFromCamera ? this.data.cameras[this.through].lens : null;
    const far = this.through >= 0 ? [120, 500] : [this.reach * 1.5 + 90, this.reach * 5 + 330];
    return {
      matrix, eye, place, sides, lens, width, height, ratio, fog: far, back: [0.071, 0.08, 0.095], clear: 0.85 * this.reach,
      pxPerUnit: height / (sides[3] - sides[2]),
    };
  }

  #place(target, heading) {
    const yaw = heading + this.yaw, h = Math.cos(heading), k = Math.sin(heading), [x, y, z] = this.shift;
    const at = add(target, [h * x - k * y, k * x + h * y, z + 0.8]);
    const flat = [Math.cos(yaw), Math.sin(yaw), 0];
    const ahead = add(flat.map((v) => v * Math.cos(this.pitch)), [0, 0, -Math.sin(this.pitch)]);
    const up = add(flat.map((v) => v * Math.sin(this.pitch)), [0, 0, Math.cos(this.pitch)]);
    return looking(add(at, ahead, -this.reach), ahead, up);
  }

  // the picture fills the window as far as its shape lets it
  #lens(width, height) {
    const { size: [w, h], intrinsics: [fx, fy, cx, cy] } = this.data.cameras[this.through];
    const scale = Math.min(width / w, height / h), x = (width / scale - w) / 2, y = (height / scale - h) / 2;
    return [-(cx + 0.5 + x) / fx, (w - cx - 0.5 + x) / fx, -(h - cy - 0.5 + y) / fy, (cy + 0.5 + y) / fy];
  }
}

// OpenGL's axes from OpenCV's
const TURNED = fromRows([1, 0, 0, 0, 0, -1, 0, 0, 0, 0, -1, 0, 0, 0, 0, 1]);

// the world place of a camera, as `looking` has it
export const worldFromLens = (worldFromEgo, camera) => multiply(multiply(worldFromEgo, fromRows(camera.pose)), TURNED);

// a camera's picture before it, world: rows of places from its upper left; what a lens has bent is straight again, and
// lies at a distance instead of a depth, as it may be far off the axis
export function pictureNet(worldFromEgo, camera, far) {
  const world = multiply(worldFromEgo, fromRows(camera.pose)), { size: [w, h], intrinsics: [fx, fy, cx, cy], lens } = camera;
  const [across, down] = lens ? [ACROSS_A_LENS, DOWN_A_LENS] : [1, 1];
  return Array.from({ length: down + 1 }, (_, row) => Array.from({ length: across + 1 }, (_, column) => {
    const [u, v] = [(w * column) / across - 0.5, (h * row) / down - 0.5];
    const ray = [...straightened(lens, [(u - cx) / fx, (v - cy) / fy]), 1];
    return apply(world, (lens ? unit(ray) : ray).map((value) => value * far));
  }));
}

// pixel of a point, and how far before the eye it is; null behind it
export function toPixel(view, p) {
  const m = view.matrix, w = m[3] * p[0] + m[7] * p[1] + m[11] * p[2] + m[15];
  if (w < 0.1) return null;
  const x = (m[0] * p[0] + m[4] * p[1] + m[8] * p[2] + m[12]) / w, y = (m[1] * p[0] + m[5] * p[1] + m[9] * p[2] + m[13]) / w;
  const [left, right, bottom, top] = view.sides;
  const straight = [left + ((x + 1) / 2) * (right - left), -bottom - ((y + 1) / 2) * (top - bottom)];
  const [u, v] = bent(view.lens, straight);
  return [((u - left) / (right - left)) * view.width, ((top + v) / (top - bottom)) * view.height, w];
}

// unit vector from the eye through a pixel
export function rayThrough(view, x, y) {
  const [left, right, bottom, top] = view.sides;
  const [u, v] = straightened(view.lens, [left + (x / view.width) * (right - left), -top + (y / view.height) * (top - bottom)]);
  const far = apply(view.place, [u, -v, -1]);
  return unit(add(far, view.eye, -1));
}
