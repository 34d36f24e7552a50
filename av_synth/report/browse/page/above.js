"use strict";
// The lidar turn from above, in the ego's frame, which drives upwards; boxes lie over it as in the pictures.

AV.REACH = { least: 10, most: 100 };
const GROUND_M = -0.3;
const HIGH_M = 4;
// of a height above the ground, from the road to what is 4 m high: the stops of Google's Turbo map
const HEIGHT_COLOURS = [[50, 21, 67], [60, 100, 220], [40, 187, 236], [50, 242, 152], [165, 252, 60], [239, 205, 58], [251, 128, 34], [208, 47, 5]];
const EGO_M = [[-0.77, -0.9], [-0.77, 0.9], [2.81, 0.9], [3.31, 0.4], [3.31, -0.4], [2.81, -0.9]];

AV.makeAbove = (point) => {
  const canvas = AV.make("canvas");
  const svg = AV.make("svg", { viewBox: "0 0 1000 1000" });
  const note = AV.make("p.note");
  const element = AV.make("div.above", { title: "scroll to zoom" }, canvas, svg, note);
  let reach = 40;
  let points = null;
  let frame = null;
  let things = {};

  // from metres ahead and to the left, to thousandths of the square
  const at = ([x, y]) => [500 - (y / reach) * 500, 500 - (x / reach) * 500];

  const drawPoints = () => {
    const side = Math.round(element.clientWidth * Math.min(2, devicePixelRatio));
    if (!side) return;
    canvas.width = canvas.height = side;
    svg.style.setProperty("--zoom", 1000 / element.clientWidth);
    const context = canvas.getContext("2d");
    const image = context.createImageData(side, side);
    const pixels = new Uint32Array(image.data.buffer).fill(0xff1a1614);
    const heights = new Float32Array(side * side).fill(-Infinity);
    const scale = side / 2 / (reach * 100);
    for (let k = 0; points && k < points.length; k += 4) {
      const u = Math.round(side / 2 - points[k + 1] * scale);
      const v = Math.round(side / 2 - points[k] * scale);
      if (u < 0 || v < 0 || u >= side - 1 || v >= side - 1) continue;
      const height = points[k + 2] / 100;
      const colour = AV.heightColour(height);
      for (const to of [v * side + u, v * side + u + 1, (v + 1) * side + u, (v + 1) * side + u + 1]) {
        if (height < heights[to]) continue; // the highest is what is seen from above
        heights[to] = height;
        pixels[to] = colour;
      }
    }
    context.putImageData(image, 0, 0);
  };

  const drawBoxes = () => {
    const rings = [];
    const step = reach > 50 ? 20 : 10;
    for (let radius = step; radius < reach * 1.4; radius += step) {
      const aside = 500 + (radius / reach) * 500 * Math.SQRT1_2;
      rings.push(AV.make("circle.ring", { cx: 500, cy: 500, r: (radius / reach) * 500 }));
      if (aside < 960) rings.push(AV.make("text.ring", { x: aside - 14, y: aside + 6 }, `${radius} m`));
    }
    const ego = AV.make("path.ego", { d: AV.path(EGO_M.map(at)) });
    const boxes = (frame?.boxes ?? []).map((box) => AV.drawAbove(box, things[box.thing], frame, at, point)).filter(Boolean);
    svg.replaceChildren(...rings, ego, ...boxes);
    note.textContent = points ? `${AV.words.number(points.length / 4)} lidar points, ${reach.toFixed(0)} m` : frame?.points ? "" : "no lidar";
  };

  const draw = () => {
    drawPoints();
    drawBoxes();
  };
  element.addEventListener("wheel", (event) => {
    event.preventDefault();
    reach = Math.min(AV.REACH.most, Math.max(AV.REACH.least, reach * (event.deltaY > 0 ? 1.15 : 1 / 1.15)));
    draw();
  });
  new ResizeObserver(draw).observe(element);

  return {
    element,
    redraw: drawBoxes,
    show(newFrame, newThings, newPoints) {
      [frame, things, points] = [newFrame, newThings, newPoints];
      draw();
    },
  };
};

AV.heightColour = (height) => {
  const place = Math.min(0.999, Math.max(0, (height - GROUND_M) / (HIGH_M - GROUND_M))) * (HEIGHT_COLOURS.length - 1);
  const [low, high] = [HEIGHT_COLOURS[Math.floor(place)], HEIGHT_COLOURS[Math.floor(place) + 1]];
  const [r, g, b] = low.map((value, k) => Math.round(value + (high[k] - value) * (place % 1)));
  return (0xff000000 | (b << 16) | (g << 8) | r) >>> 0;
};

AV.drawAbove = (box, thing, frame, at, point) => {
  if (AV.look.how === "off" || !AV.look.wants(box, thing)) return null;
  const corners = AV.corners(box).map((corner) => AV.move(frame.ego_from_world, corner));
  const outline = [0, 1, 3, 2].map((k) => at(corners[k]));
  const middle = (a, b) => [(corners[a][0] + corners[b][0]) / 2, (corners[a][1] + corners[b][1]) / 2];
  const [front, back] = [middle(1, 3), middle(0, 2)];
  const length = Math.max(0.1, box.size_lwh_m[0]);
  const reach = Math.max(0.8, 0.25 * length) / length;
  const tip = front.map((value, k) => value + (value - back[k]) * reach);
  const group = AV.make(
    `g.box${!AV.strong(box) || box.level <= 1 ? ".weak" : ""}`,
    { "data-thing": box.thing, onmouseenter: () => point(box.thing), onmouseleave: () => point(null), onclick: (event) => point(box.thing, event) },
    AV.make("path.area", { d: AV.path(outline) }),
    AV.make("path.edges", { d: AV.path(outline) + AV.path([at(front), at(tip)], false) }),
    ["name", "full"].map((kind) => AV.make(`text.${kind}`, { x: at(front)[0], y: at(front)[1] - 14, "text-anchor": "middle" }, AV.nameOf(thing))),
  );
  group.style.setProperty("--colour", AV.colours[thing.kind] ?? "#bbb");
  return group;
};
