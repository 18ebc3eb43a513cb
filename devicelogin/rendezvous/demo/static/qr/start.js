// Where there is room, the two windows open beside each other; everywhere else the links are links.

const ROOM = 1000; // pixels

for (const link of document.querySelectorAll("[data-half]")) {
  link.addEventListener("click", (event) => {
    if (screen.availWidth < ROOM || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const width = Math.floor(screen.availWidth / 2);
    const left = link.dataset.half === "left" ? 0 : width;
    if (open(link.href, link.target, `popup,width=${width},height=${screen.availHeight},left=${left},top=0`))
      event.preventDefault();
  });
}
