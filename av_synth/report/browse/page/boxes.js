"use strict";
// Boxes over camera pictures: 3D boxes through the camera, or the labelled 2D boxes.

// A pose is the upper three rows of a transform, row by row.
AV.move = (m, [x, y, z]) => [
  m[0] * x + m[1] * y + m[2] * z + m[3],
  m[4] * x + m[5] * y + m[6] * z + m[7],
  m[8] * x + m[9] * y + m[10] * z + m[11],
];

// Corners in world metres: bits 1, 2 and 4 of a corner's number are front, left and top.
AV.corners = ({ world_from_box: pose, size_lwh_m: [l, w, h] }) =>
  Array.from({ length: 8 }, (_, k) => AV.move(pose, [(k & 1 ? l : -l) / 2, (k & 2 ? w : -w) / 2, (k & 4 ? h : -h) / 2]));

AV.EDGES = [0, 1, 2, 3, 4, 5, 6, 7].flatMap((k) => [1, 2, 4].filter((bit) => !(k & bit)).map((bit) => [k, k | bit]));
AV.FRONT = [1, 3, 7, 5];
const NEAR_M = 0.1;
const PIECES = 24; // of an edge that a lens bends

// What a camera sees of a box: its edges and front in pixels, and an outline to point at; null if it is behind it.
// What a lens bends are lines of many points. Whole numbers are the middles of pixels, so that the picture's left end is at -0.5.
AV.through = (view, box) => {
  const [fx, fy, cx, cy] = view.intrinsics_px;
  const points = AV.corners(box).map((corner) => AV.move(view.camera_from_world, corner));
  if (points.every(([, , z]) => z < NEAR_M)) return null;
  const pixel = ([x, y, z]) => {
    const [u, v] = bent(view.lens, [x / z, y / z]);
    return [fx * u + cx + 0.5, fy * v + cy + 0.5];
  };
  const pieces = view.lens ? PIECES : 1;
  const line = (a, b) => Array.from({ length: pieces + 1 }, (_, k) => pixel(a.map((value, n) => value + ((b[n] - value) * k) / pieces)));
  const cut = (a, b) => a.map((value, k) => value + ((b[k] - value) * (NEAR_M - a[2])) / (b[2] - a[2]));
  const lines = [];
  for (const [from, to] of AV.EDGES) {
    let [a, b] = [points[from], points[to]];
    if (a[2] < NEAR_M && b[2] < NEAR_M) continue;
    if (a[2] < NEAR_M) a = cut(a, b);
    if (b[2] < NEAR_M) b = cut(b, a);
    lines.push(line(a, b));
  }
  const ends = lines.flat();
  const [xs, ys] = [ends.map(([x]) => x), ends.map(([, y]) => y)];
  const [width, height] = view.size_px;
  if (Math.max(...xs) < 0 || Math.min(...xs) > width || Math.max(...ys) < 0 || Math.min(...ys) > height) return null;
  const whole = points.every(([, , z]) => z >= NEAR_M);
  return { lines, outline: AV.hull(ends), front: whole ? AV.FRONT.flatMap((k, n) => line(points[k], points[AV.FRONT[(n + 1) % 4]]).slice(1)) : [], top: [(Math.min(...xs) + Math.max(...xs)) / 2, Math.min(...ys)] };
};

// The convex hull of points, by Andrew's monotone chain.
AV.hull = (points) => {
  const sorted = [...points].sort(([a, b], [c, d]) => a - c || b - d);
  const half = (ordered) => {
    const chain = [];
    for (const [x, y] of ordered) {
      while (chain.length > 1) {
        const [[ax, ay], [bx, by]] = chain.slice(-2);
        if ((bx - ax) * (y - ay) - (by - ay) * (x - ax) > 0) break;
        chain.pop();
      }
      chain.push([x, y]);
    }
    return chain.slice(0, -1);
  };
  return [...half(sorted), ...half(sorted.reverse())];
};

AV.path = (points, closed = true) => (points.length ? `M${points.map(([x, y]) => `${x.toFixed(2)} ${y.toFixed(2)}`).join("L")}${closed ? "Z" : ""}` : "");

// Which boxes are wanted: how they are drawn, and which classes and levels of visibility are switched off.
AV.look = {
  how: "3d",
  names: false,
  empty: true,
  hidden: { kinds: new Set(), levels: new Set() },
  wants(box, thing) {
    return !this.hidden.kinds.has(thing.kind) && !this.hidden.levels.has(box.level) && (this.empty || AV.strong(box));
  },
};
AV.WAYS = [
  ["3d", "3D boxes"],
  ["seen", "2D of what is seen"],
  ["whole", "2D of the whole"],
  ["off", "no boxes"],
];
// What is annotated in nuScenes: something that a lidar or radar point is in.
AV.strong = (box) => box.lidar_points + box.radar_points > 0;

AV.nameOf = (thing) => thing.name || thing.kind;
AV.say = (box, thing) => {
  const seen = box.fraction === null ? (box.level ? AV.LEVELS[box.level] : "") : `${Math.round(box.fraction * 100)} % seen`;
  return [AV.nameOf(thing), AV.words.metres(box.distance_m), seen].filter(Boolean).join("  ");
};

// Draws the boxes of a frame into the <svg> over a camera's picture. `point` is told of what the pointer is on.
AV.drawBoxes = (svg, view, frame, things, point) => {
  const [width, height] = view.size_px;
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  const far = [...frame.boxes].sort((a, b) => b.distance_m - a.distance_m);
  const drawn = far.map((box) => AV.drawBox(view, box, things[box.thing], point)).filter(Boolean);
  svg.replaceChildren(...drawn);
};

AV.drawBox = (view, box, thing, point) => {
  if (AV.look.how === "off" || !AV.look.wants(box, thing)) return null;
  const shape = AV.look.how === "3d" ? AV.through(view, box) : AV.shape2d(box.flat[view.channel]?.[AV.look.how] ?? []);
  if (shape === null) return null;
  const weak = !AV.strong(box) || box.level <= 1 ? ".weak" : "";
  const [, height] = view.size_px;
  const low = shape.top[1] < height / 20; // then the label is within the box, not above it
  const label = (kind, words) => AV.make(`text.${kind}`, { x: shape.top[0].toFixed(1), y: Math.max(0, shape.top[1]).toFixed(1), dy: low ? "1.1em" : "-0.3em", "text-anchor": "middle" }, words);
  const tall = Math.max(...shape.outline.map(([, y]) => y)) - shape.top[1] > height / 25;
  const group = AV.make(
    `g.box${weak}`,
    { "data-thing": box.thing, onmouseenter: () => point(box.thing), onmouseleave: () => point(null), onclick: (event) => point(box.thing, event) },
    AV.make("path.area", { d: AV.path(shape.outline) }),
    AV.make("path.front", { d: AV.path(shape.front) }),
    AV.make("path.edges", { d: shape.lines.map((line) => AV.path(line, false)).join("") }),
    tall ? label("name", AV.nameOf(thing)) : null,
    label("full", AV.say(box, thing)),
  );
  group.style.setProperty("--colour", AV.colours[thing.kind] ?? "#bbb");
  return group;
};

AV.shape2d = ([left, top, right, bottom]) => {
  if (left === undefined) return null;
  const outline = [[left, top], [right, top], [right, bottom], [left, bottom]];
  return { outline, front: [], lines: outline.map((point, k) => [point, outline[(k + 1) % 4]]), top: [(left + right) / 2, top] };
};
