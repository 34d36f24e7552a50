"use strict";
// Puts the page together: the list and the scene that is open, by what the address says.

AV.sceneAddress = (id, frame = 0) => {
  const parameters = AV.filters.write();
  parameters.set("scene", id);
  if (frame) parameters.set("at", frame);
  return `#${parameters}`;
};

(() => {
  const browse = document.getElementById("browse");
  const place = document.getElementById("scene");
  let shown = [];
  let filters;
  let list;
  let scene;

  const heading = AV.make("h1");
  const count = AV.make("p.count", { "aria-live": "polite" });
  const sort = AV.make("select", {
    id: "sort",
    onchange: () => {
      AV.filters.sort = sort.value;
      change();
    },
  });

  const refresh = (top) => {
    const found = AV.filters.run();
    shown = found.shown;
    filters.show(found);
    list.show(shown, top);
    sort.value = AV.filters.sort;
    const read = AV.cards.length < AV.total ? `, ${AV.words.number(AV.cards.length)} of ${AV.words.number(AV.total)} read so far` : "";
    const all = AV.filters.any() ? ` of ${AV.words.number(AV.cards.length)}` : "";
    count.textContent = `${AV.words.number(shown.length)}${all} scene${AV.cards.length === 1 ? "" : "s"}${read}`;
  };
  const change = () => {
    AV.address.write(AV.filters.write());
    refresh(true);
  };

  // What the address asks for: a scene, or the list.
  const follow = () => {
    const parameters = AV.address.read();
    AV.filters.read(parameters);
    const id = parameters.get("scene");
    browse.hidden = id !== null;
    place.hidden = id === null;
    if (id === null) {
      scene.close();
      list.element.focus({ preventScroll: true });
      document.title = AV.title;
    }
    refresh(false);
    if (id !== null) scene.open(id, Number(parameters.get("at")) || 0, parameters.get("camera") ?? "");
  };
  const go = (id, frame = 0) => {
    AV.address.write(id === null ? AV.filters.write() : AV.sceneAddress(id, frame).slice(1), true);
    follow();
  };

  const take = (answer, from) => {
    answer.scenes.forEach((card, k) => {
      card.place = from + k;
      AV.prepare(card);
      AV.byId.set(card.id, card);
      AV.cards.push(card);
    });
  };

  const begin = async () => {
    const first = await AV.data.index(0);
    Object.assign(AV, { title: first.title, kind: first.kind, colours: first.colours, kinds: Object.keys(first.colours), weather: first.weather, total: first.total });
    if (first.kind !== "dataset") AV.LEVELS[0] = "in no camera";
    heading.textContent = first.title;
    for (const { key, title } of AV.sorts) sort.append(AV.make("option", { value: key }, title));
    take(first, 0);
    AV.filters.read(AV.address.read());
    filters = AV.makeFilters(change);
    list = AV.makeList(go);
    scene = AV.makeScene(place, { go, neighbours: (id) => AV.neighbours(shown, id) });
    const head = AV.make("header.bar", {}, heading, AV.make("span.kind", {}, first.kind), count, AV.make("label.sort", {}, "Sort by ", sort));
    browse.append(head, AV.make("div.body", {}, filters.element, list.element));
    addEventListener("popstate", follow);
    if (AV.cards.length === 1 && AV.kind === "run" && !AV.address.read().has("scene")) {
      AV.address.write(AV.sceneAddress(AV.cards[0].id).slice(1));
    }
    follow();
    while (AV.cards.length < AV.total) {
      take(await AV.data.index(AV.cards.length), AV.cards.length);
      refresh(false);
    }
    document.documentElement.dataset.ready = "";
  };

  begin().catch((error) => browse.replaceChildren(AV.make("p.failed", {}, `The list of scenes cannot be read: ${error.message}`)));
})();

AV.neighbours = (shown, id) => {
  const at = shown.findIndex((card) => card.id === id);
  return { before: shown[at - 1]?.id ?? null, after: (at < 0 ? null : shown[at + 1]?.id) ?? null, at, of: shown.length };
};
