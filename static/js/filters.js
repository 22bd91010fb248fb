// Small comforts; every page works without them.
// Lists: a choice in a filter form applies at once. Hashes: a button copies what `data-copy` names. Errors: the summary gets the focus.
for (const form of document.querySelectorAll("form[role=search]")) {
  for (const select of form.querySelectorAll("select")) {
    select.addEventListener("change", () => form.requestSubmit());
  }
}

for (const button of document.querySelectorAll("button[data-copy]")) {
  const source = document.getElementById(button.dataset.copy);
  if (!source || !navigator.clipboard) continue;
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(source.textContent.trim());
    button.textContent = button.dataset.done;
  });
}

document.querySelector(".alert[tabindex='-1']")?.focus();
