// What a page does by itself while it is looked at. Everything works without it: it shows the time that
// is left, looks whether something changed, and folds nothing away.
"use strict";
(() => {
  const one = (n, word) => `${n} ${word}`;
  const left = (ms) => {
    if (ms <= 0) return "time is up";
    const s = Math.ceil(ms / 1000);
    if (s < 90) return one(s, "s left");
    const m = Math.floor(s / 60);
    if (m < 90) return `${m} min ${s % 60} s left`;
    const h = Math.floor(m / 60);
    return h < 48 ? `${h} h ${m % 60} min left` : `${Math.floor(h / 24)} days left`;
  };
  // Times stand in UTC, so that two people who speak of one read the same; one's own is in the tooltip.
  const zoned = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "long" });
  const dress = (root) => {
    for (const time of root.querySelectorAll("time[datetime]")) {
      const at = new Date(time.dateTime);
      if (Number.isNaN(at.getTime())) continue;
      time.title = zoned.format(at);
    }
  };
  const tick = () => {
    for (const time of document.querySelectorAll("time[data-left]")) {
      time.textContent = left(new Date(time.dateTime) - Date.now());
    }
  };
  dress(document);
  tick();
  setInterval(tick, 1000);

  // Somebody who is writing must not lose it. A reload would also stop the way to a page that was just chosen.
  let busy = false;
  const occupied = () => { busy = true; };
  document.addEventListener("input", occupied);
  document.addEventListener("submit", occupied);
  document.addEventListener("click", (event) => { if (event.target.closest("a[href]")) occupied(); });
  const news = () => {
    if (!busy && !document.querySelector("main details[open]")) { location.reload(); return true; }
    if (!document.querySelector(".fresh")) {
      const note = document.createElement("p");
      note.className = "fresh";
      note.setAttribute("role", "status");
      const link = document.createElement("a");
      link.href = location.href;
      link.textContent = "This has changed: look again";
      note.append(link);
      document.body.append(note);
    }
    return true;
  };
  const pause = (ms) => new Promise((done) => setTimeout(done, ms));
  const visible = () => new Promise((done) => {
    if (!document.hidden) return done();
    document.addEventListener("visibilitychange", function again() {
      if (!document.hidden) { document.removeEventListener("visibilitychange", again); done(); }
    });
  });

  // A request: the long poll of the API says when it is newer.
  const watch = async (id, version, status) => {
    for (let failures = 0; failures < 6;) {
      await visible();
      try {
        const answer = await fetch(`/v1/requests/${id}?wait_seconds=20&since_version=${version}`);
        if (answer.status === 401) return;
        if (!answer.ok) throw new Error(String(answer.status));
        failures = 0;
        const now = await answer.json();
        if (now.version > version || now.status !== status) { news(); return; }
        await pause(300);
      } catch {
        failures += 1;
        await pause(2000 * 2 ** failures);
      }
    }
  };
  const live = document.querySelector("[data-watch]");
  if (live) watch(live.dataset.watch, Number(live.dataset.version), live.dataset.status);

  // A list: its page is asked for again and the list taken out of it.
  const list = document.querySelector("[data-refresh]");
  const refresh = async () => {
    for (;;) {
      await pause(Number(list.dataset.refresh) * 1000);
      await visible();
      try {
        const answer = await fetch(location.href, { headers: { accept: "text/html" } });
        if (!answer.ok || answer.redirected) return;
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        const next = page.querySelector("[data-refresh]");
        const inside = list.contains(document.activeElement);
        if (next && next.innerHTML !== list.dataset.last && !inside) {
          list.dataset.last = next.innerHTML;
          list.replaceChildren(...next.childNodes);
          dress(list);
          tick();
        }
      } catch { /* the next round looks again */ }
    }
  };
  if (list) refresh();
})();
