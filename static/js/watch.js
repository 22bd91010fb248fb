// Enhances <div data-watch=URL data-acts=N>: says when more has happened than the page shows. It never reloads by itself, because somebody
// may be typing, and because opening a case is recorded as somebody's act. Without it the page stays as it was when it was opened.
const EVERY = 15_000;
const MOST = 120_000;

for (const el of document.querySelectorAll("[data-watch]")) {
  const acts = Number(el.dataset.acts);
  let wait = EVERY, timer, asking = false, ended = false;
  const tell = (name) => {
    for (const other of el.children) other.hidden = !(name in other.dataset);
  };
  const ask = async () => {
    if (asking || ended) return;
    asking = true;
    clearTimeout(timer);
    try {
      const answer = await fetch(el.dataset.watch, { redirect: "manual", cache: "no-store" });
      if (answer.type === "opaqueredirect" || answer.status === 401) {
        // Signed out, here or elsewhere: what is typed would not be taken.
        tell("gone");
        ended = true;
      } else if (answer.ok) {
        const now = await answer.json();
        if (now.acts > acts) tell("news");
        ended = now.over;
        wait = EVERY;
      } else {
        ended = answer.status < 500 && answer.status !== 429;
        wait = Math.min(wait * 2, MOST);
      }
    } catch { // The network is away.
      wait = Math.min(wait * 2, MOST);
    }
    asking = false;
    if (!ended && !document.hidden) timer = setTimeout(ask, wait);
    el.dispatchEvent(new CustomEvent("recall:watched", { bubbles: true }));
  };
  // A page that nobody looks at asks nothing, and asks at once when somebody comes back to it.
  document.addEventListener("visibilitychange", () => (document.hidden ? clearTimeout(timer) : ask()));
  timer = setTimeout(ask, wait);
}
