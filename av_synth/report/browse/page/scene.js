"use strict";
// One scene: the pictures of a keyframe with boxes, the lidar from above, the list of annotations, and time below.

AV.makeScene = (place, { go, neighbours }) => {
  let id = null;
  let detail = null;
  let at = 0;
  let pinned = null;
  let alone = "";
  let asked = 0; // number of what is shown: lidar turns that come for what was shown before are dropped

  const point = (thing, event) => {
    if (event) {
      event.stopPropagation();
      pinned = pinned === thing ? null : thing;
      table.show(frame(), detail.things, pinned);
    }
    const on = thing ?? pinned;
    for (const part of place.querySelectorAll("[data-thing]")) {
      part.classList.toggle("on", part.dataset.thing === on);
      // over the others; what is moved without need would be pointed at anew, without end
      if (part.dataset.thing === on && part.localName === "g" && part.nextSibling) part.parentNode.append(part);
    }
  };
  const frame = () => detail.frames[at];
  const cameras = AV.makeCameras(point, (channel) => {
    alone = alone === channel ? "" : channel;
    cameras.arrange(alone);
  });
  const above = AV.makeAbove(point);
  const table = AV.makeTable(point);
  const time = AV.makeTime((k) => show(k));
  const tools = AV.makeTools(() => redraw());
  const head = AV.make("header.bar");
  const message = AV.make("p.failed", { hidden: true });
  const about = AV.make("div.about");
  const left = AV.make("div.left", {}, cameras.element, table.element);
  const stage = AV.make("div.stage", {}, left, AV.make("div.side", {}, above.element, about));
  place.append(head, tools.element, message, stage, time.element);

  const redraw = () => {
    if (!frame()) return;
    cameras.draw(frame(), detail.things);
    above.redraw();
    table.show(frame(), detail.things, pinned);
    point(null);
  };

  const show = (k) => {
    const mine = (asked += 1);
    at = Math.max(0, Math.min(detail.frames.length - 1, k));
    const parameters = new URLSearchParams(AV.sceneAddress(id, at).slice(1));
    AV.address.write(parameters);
    time.show(at);
    place.dataset.at = at;
    const link = head.querySelector(".viewer");
    if (link && detail.frames.length) link.hash = `t=${frame().time_s}`;
    if (!detail.frames.length) return;
    cameras.show(id, at, frame(), detail.things);
    above.show(frame(), detail.things, null);
    table.show(frame(), detail.things, pinned);
    point(null);
    if (!frame().points) return;
    AV.data.points(id, at).then(
      (points) => mine === asked && above.show(frame(), detail.things, points),
      (error) => mine === asked && fail(error.message),
    );
  };

  const fail = (words) => {
    message.hidden = false;
    message.textContent = words;
  };

  const showHead = (card) => {
    const near = neighbours(id);
    const step = (to, sign, key) => AV.make("button", { type: "button", disabled: to === null, title: `${key}`, onclick: () => go(to) }, sign);
    const viewer = card?.viewer ? AV.data.viewer(id) : null;
    const title = card ? [AV.make("b", {}, card.name), card.seed === null ? null : AV.make("span.seed", {}, `#${card.seed}`)] : [id];
    const said = card ? [card.scene !== card.name ? card.scene : "", card.town, card.rig, card.weather.join(", "), `${Number(card.duration_s.toFixed(1))} s`] : [];
    head.replaceChildren(
      AV.make("button.back", { type: "button", title: "back to the list (Escape)", onclick: () => go(null) }, "← Scenes"),
      AV.make("h1", { title: card?.description ?? "" }, title),
      AV.make("p.count", {}, said.filter(Boolean).join(" · ")),
      AV.make("span.steps", {}, step(near.before, "‹", "scene before ( [ )"), near.at < 0 ? "" : `${near.at + 1} / ${near.of}`, step(near.after, "›", "next scene ( ] )")),
      viewer ? AV.make("a.button.viewer", { href: viewer, target: "_blank", rel: "noopener", title: "made when you ask for it, which may take some seconds" }, "3D viewer") : "",
    );
  };

  addEventListener("keydown", (event) => {
    if (id === null || event.ctrlKey || event.metaKey || event.altKey || !detail) return;
    const near = neighbours(id);
    const keys = {
      ArrowLeft: () => show(at - 1),
      ArrowRight: () => show(at + 1),
      Home: () => show(0),
      End: () => show(detail.frames.length - 1),
      Escape: () => (alone ? cameras.arrange((alone = "")) : go(null)),
      b: () => tools.toggle(),
      "[": () => near.before && go(near.before),
      "]": () => near.after && go(near.after),
    };
    if (!(event.key in keys)) return;
    event.preventDefault();
    keys[event.key]();
  });

  return {
    async open(newId, k) {
      if (id === newId && detail) {
        if (k !== at) show(k);
        else showHead(detail.card);
        return;
      }
      asked += 1;
      [id, detail, pinned, alone] = [newId, null, null, ""];
      message.hidden = true;
      stage.hidden = time.element.hidden = tools.element.hidden = true;
      showHead(AV.byId.get(id));
      if (AV.cards.length === AV.total && !AV.byId.has(id)) {
        fail(`There is no scene ${id} here (any more).`);
        return;
      }
      try {
        const found = await AV.data.scene(newId);
        if (id !== newId) return;
        detail = found;
      } catch (error) {
        if (id === newId) fail(error.message);
        return;
      }
      document.title = `${detail.card.name} ${detail.card.seed ?? ""} · ${AV.title}`;
      stage.hidden = time.element.hidden = false;
      // without a keyframe there is nothing to switch, to list, or to lay out
      tools.element.hidden = table.element.hidden = above.element.hidden = !detail.frames.length;
      showHead(detail.card);
      tools.use(detail);
      time.use(detail);
      about.replaceChildren(...AV.aboutScene(detail));
      cameras.use(id, detail);
      cameras.arrange("");
      show(k);
    },
    close() {
      asked += 1;
      [id, detail] = [null, null];
    },
  };
};

const [PADDING_PX, GAP_PX, TABLE_PX] = [8, 6, 150];

// The camera pictures, those that look ahead above those that look back, left to right as one who turns around sees them.
AV.makeCameras = (point, click) => {
  const element = AV.make("div.cameras");
  let tiles = new Map();
  let alone = "";

  const arrange = (channel) => {
    alone = channel;
    const all = [...tiles.values()];
    const shown = all.filter((tile) => !alone || tile.channel === alone);
    for (const tile of all) tile.element.hidden = !shown.includes(tile);
    const room = element.parentNode.clientHeight - 2 * PADDING_PX - (alone ? 0 : TABLE_PX);
    const width = element.clientWidth - 2 * PADDING_PX;
    if (!shown.length || width < 0) return;
    const ratio = shown[0].size[0] / shown[0].size[1];
    const ahead = shown.filter((tile) => tile.ahead).length;
    const natural = ahead && shown.length === 2 * ahead ? ahead : 0;
    const widths = Array.from({ length: shown.length }, (_, k) => {
      const rows = Math.ceil(shown.length / (k + 1));
      return Math.min((width - k * GAP_PX) / (k + 1), ((room - (rows - 1) * GAP_PX) / rows) * ratio);
    });
    const best = natural > 1 ? natural : widths.indexOf(Math.max(...widths)) + 1;
    const each = Math.max(80, Math.floor(widths[best - 1]));
    element.style.gridTemplateColumns = `repeat(${best}, ${each}px)`;
    // labels are as large in every picture
    for (const tile of shown) tile.element.style.setProperty("--zoom", tile.size[0] / each);
  };
  const watch = new ResizeObserver(() => arrange(alone));

  return {
    element,
    arrange,
    use(id, { frames, card }) {
      watch.observe(element.parentNode);
      const views = new Map(frames.flatMap((frame) => frame.views.map((view) => [view.channel, [view, frame]])));
      const found = [...views.values()].map(([view, frame]) => ({ view, yaw: AV.yaw(view, frame) }));
      const order = ({ yaw }) => (Math.abs(yaw) < Math.PI / 2 ? -yaw : 10 - Math.sign(yaw) * (Math.PI - Math.abs(yaw)));
      found.sort((a, b) => order(a) - order(b));
      tiles = new Map(found.map(({ view, yaw }) => [view.channel, AV.makeTile(view, Math.abs(yaw) < Math.PI / 2, click)]));
      element.replaceChildren(...[...tiles.values()].map((tile) => tile.element));
      if (!tiles.size) element.append(AV.kind === "dataset" ? AV.make("p.empty", {}, "no camera") : AV.fromAbove(id));
    },
    show(id, at, frame, things) {
      for (const [channel, tile] of tiles) {
        const number = frame.views.findIndex((view) => view.channel === channel);
        tile.show(number < 0 ? null : AV.data.picture(id, at, channel, number), at, frame.views[number], frame, things, point);
      }
    },
    draw(frame, things) {
      for (const tile of tiles.values()) tile.draw(frame, things, point);
    },
  };
};

// In place of pictures: the run from above, and what shows it whole.
AV.fromAbove = (id) => {
  const viewer = AV.data.viewer(id);
  const link = viewer ? [AV.make("a.button", { href: viewer, target: "_blank", rel: "noopener" }, "3D viewer"), " shows it tick by tick; "] : [];
  return AV.make(
    "figure.from-above",
    {},
    AV.make("p", {}, "This run was played without cameras. ", link, AV.make("code", {}, "av-synth video"), " makes a video of it from above."),
    AV.make("img", { src: AV.data.thumbnail(id), alt: "the run from above" }),
  );
};

AV.yaw = (view, frame) => {
  const [m, e] = [view.camera_from_world, frame.ego_from_world];
  const ahead = [m[8], m[9], m[10]]; // the camera's z axis in the world
  return Math.atan2(e[4] * ahead[0] + e[5] * ahead[1] + e[6] * ahead[2], e[0] * ahead[0] + e[1] * ahead[1] + e[2] * ahead[2]);
};

AV.makeTile = (view, ahead, click) => {
  const svg = AV.make("svg.over");
  const image = AV.make("img", { alt: view.channel });
  const element = AV.make("figure.tile", { "data-channel": view.channel, onclick: () => click(view.channel) }, image, svg, AV.make("figcaption", {}, view.channel));
  element.style.aspectRatio = `${view.size_px[0]} / ${view.size_px[1]}`;
  let current = null;
  let now = view;
  const draw = (frame, things, point) => AV.drawBoxes(svg, now, frame, things, point);
  return {
    element,
    channel: view.channel,
    size: view.size_px,
    ahead,
    draw,
    // boxes change with their picture, not before it
    show(address, at, seen, frame, things, point) {
      current = address;
      element.classList.toggle("none", address === null);
      if (address === null) {
        svg.replaceChildren();
        image.removeAttribute("src");
        element.dataset.at = at;
        return;
      }
      now = seen;
      const next = new Image();
      const take = () => {
        if (current !== address) return;
        image.src = address;
        draw(frame, things, point);
        element.dataset.at = at;
      };
      next.onload = take;
      next.onerror = () => {
        if (current === address) element.classList.add("none");
        take();
      };
      next.src = address;
    },
  };
};
