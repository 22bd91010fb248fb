// Passkeys. A button with `data-passkey` asks one and sends its form with the answer in the place of the code; a form with
// `data-passkey-new` makes one and is sent with it. Without this script the buttons stay hidden, and the code of the authenticator serves.
const decode = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
const encode = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
const known = (ids) => ids.map((id) => ({ type: "public-key", id: decode(id) }));

async function answer(asked) {
  const publicKey = { challenge: decode(asked.challenge), rpId: asked.rpId, allowCredentials: known(asked.allow), userVerification: "required" };
  const credential = await navigator.credentials.get({ publicKey });
  const { clientDataJSON, authenticatorData, signature } = credential.response;
  return {
    question: asked.question, id: credential.id, client_data: encode(clientDataJSON),
    authenticator_data: encode(authenticatorData), signature: encode(signature),
  };
}

async function create(asked) {
  const publicKey = {
    challenge: decode(asked.challenge), rp: asked.rp, user: { ...asked.user, id: decode(asked.user.id) },
    pubKeyCredParams: asked.algorithms.map((alg) => ({ type: "public-key", alg })), excludeCredentials: known(asked.exclude),
    authenticatorSelection: { residentKey: "required", userVerification: "required" }, attestation: "none",
  };
  const { clientDataJSON, attestationObject } = (await navigator.credentials.create({ publicKey })).response;
  return { question: asked.question, client_data: encode(clientDataJSON), attestation: encode(attestationObject) };
}

// Puts `value` into the form as the field `name`, in the place of what a person would type there.
function put(form, name, value) {
  for (const old of form.querySelectorAll(`input[name="${name}"]`)) old.disabled = true;
  const field = document.createElement("input");
  field.type = "hidden";
  field.name = name;
  field.value = JSON.stringify(value);
  form.append(field);
}

// Says below the button that nothing came of it; the form stays as it is.
function tell(button) {
  const said = button.parentElement.querySelector("[data-said]") ?? document.createElement("p");
  said.dataset.said = "";
  said.className = "err-msg";
  said.setAttribute("role", "alert");
  said.textContent = button.dataset.problem;
  button.after(said);
}

function bring(button, ready, name, ask) {
  button.hidden = false;
  let done = false;
  button.addEventListener("click", async (event) => {
    if (done) return;
    event.preventDefault();
    if (!ready(button.form)) return;
    try {
      put(button.form, name, await ask());
      done = true;
      button.form.requestSubmit(button);
    } catch {
      tell(button);
    }
  });
}

if (window.PublicKeyCredential) {
  for (const button of document.querySelectorAll("button[data-passkey]")) {
    bring(button, () => true, "totp", () => answer(JSON.parse(button.dataset.passkey)));
  }
  for (const button of document.querySelectorAll("button[data-passkey-new]")) {
    bring(button, (form) => form.reportValidity(), "created", () => create(JSON.parse(button.dataset.passkeyNew)));
  }
}
