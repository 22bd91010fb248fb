// Verifies an evidence bundle in the browser alone: nothing is fetched, nothing is sent, nothing is kept.
// Classic and in one file, so that it also runs from a disk. Everything inside a bundle is taken for a stranger's: it only ever becomes text.
// The names of checks are those of `countermand evidence verify`.
"use strict";

const WORDS = {
  "zh-CN": {
    title: "证据材料包核验",
    about: "本页在您的浏览器中核验证据材料包，不连接任何服务器，文件不离开这台计算机；断开网络亦可使用。",
    bundle: "证据材料包（ZIP 文件）",
    key: "您从别处取得的日志公钥（选填）",
    "key-help": "合同附件、公证书或审计师保存的验证公钥（名称+哈希+公钥）、PEM 文件内容，或公钥的 SHA-256 摘要。不填写时，即使全部相符，结果也只能是“无法判断”：换掉材料包的人也能换掉其中的公钥。",
    verify: "开始核验",
    working: "正在核验…",
    check: "检查项",
    result: "结果",
    file: "文件",
    expected: "应为",
    actual: "实为",
    "not-here": "本页不检查可信时间戳（.tsr）、数字证书签名与 SM2 签名、SM3 摘要、见证签名，以及审批表与投递表各栏；材料包内 data/VERIFY.zh-CN.md 写有用 OpenSSL 与 coreutils 检查的命令。",
    pass: "通过",
    fail: "不通过",
    unknown: "无法判断",
    "help-pass": "本页检查的项目全部相符，日志公钥与您给出的一致。",
    "help-fail": "有项目不符，列在表首。",
    "help-unknown": "没有发现不符，但有项目无从判断。",
    counts: "共 {all} 项：不通过 {fail}，无法判断 {unknown}，通过 {pass}",
    container: "压缩文件",
    file_present: "文件齐备",
    file_hashes: "文件摘要",
    payload_complete: "清单完整",
    no_other_files: "没有多余文件",
    payload_oxum: "总字节数与文件数",
    format: "格式版本",
    number: "材料包编号",
    log_key: "日志公钥",
    log_key_file: "公钥文件",
    bundle_signature: "材料包签名",
    checkpoint_signature: "检查点签名",
    checkpoint_text: "检查点原文",
    checkpoint_facts: "检查点与报告",
    leaves: "事件原始字节",
    leaf_hashes: "叶哈希",
    inclusion: "包含证明",
    commitments: "内容与承诺",
    case_closed: "结案计数与哈希",
    decisions: "审批决定",
    separation: "三人分别决定",
    message: "消息内容",
    attachments: "附件",
    recipients: "接收人集合",
    view: "事件表与日志对照",
  },
  en: {
    title: "Evidence bundle verifier",
    about: "This page verifies an evidence bundle in your browser. It talks to no server, the file does not leave this computer, and it works without a network.",
    bundle: "Evidence bundle (ZIP file)",
    key: "The log's key as you have it from elsewhere (optional)",
    "key-help": "A verifier key (name+hash+key), the contents of a PEM file, or the key's SHA-256, from an annex of a contract, a notarial deed or an auditor. Without it the best answer is “cannot be told”: whoever replaces a bundle can replace the key in it.",
    verify: "Verify",
    working: "Verifying…",
    check: "Check",
    result: "Result",
    file: "File",
    expected: "Expected",
    actual: "Actual",
    "not-here": "Not checked here: timestamps (.tsr), signatures by certificate and by SM2, hashes by SM3, witnesses' cosignatures, and the cells of the tables of approvals and deliveries. data/VERIFY.en.md in the bundle has the commands for OpenSSL and coreutils.",
    pass: "Holds",
    fail: "Does not hold",
    unknown: "Cannot be told",
    "help-pass": "All that this page checks holds, and the log's key is the one you gave.",
    "help-fail": "Some checks do not hold; they come first in the table.",
    "help-unknown": "Nothing is wrong, but some checks could not be decided.",
    counts: "{all} checks: {fail} do not hold, {unknown} cannot be told, {pass} hold",
    container: "Container",
    file_present: "Files present",
    file_hashes: "File hashes",
    payload_complete: "Manifest complete",
    no_other_files: "No other files",
    payload_oxum: "Bytes and files in total",
    format: "Format version",
    number: "Bundle number",
    log_key: "Log key",
    log_key_file: "Key file",
    bundle_signature: "Signature over the bundle",
    checkpoint_signature: "Checkpoint signature",
    checkpoint_text: "Checkpoint text",
    checkpoint_facts: "Checkpoint and report",
    leaves: "Exact bytes of events",
    leaf_hashes: "Leaf hashes",
    inclusion: "Inclusion proofs",
    commitments: "Contents and commitments",
    case_closed: "Count and hash at closing",
    decisions: "Decisions",
    separation: "Three different people",
    message: "Message",
    attachments: "Files of the case",
    recipients: "Set of recipients",
    view: "Table of events against the log",
  },
};

// What checks expect and find, where it is words and not a value.
const SAID = {
  "a key that you trust": "您信任的公钥",
  "a verifier key": "验证公钥",
  "signed by the log's key": "由日志公钥签署",
  "no line by that key": "没有该公钥的签名行",
  "another file, or another signature": "文件或签名已变",
  "a browser that does not know it": "浏览器不支持",
  "another form": "格式不符",
  "another text": "文本不符",
  present: "存在",
  missing: "缺失",
  listed: "已列入清单",
  "not in the manifest": "未列入清单",
  "not there": "不应存在",
  there: "存在",
  readable: "可以读取",
  withheld: "未提供",
  "not a ZIP file": "不是 ZIP 文件",
  "not among the events": "不在事件之中",
  "count and hash of the events": "事件计数与哈希",
  "the proof does not lead to the checkpoint": "证明未能通向检查点",
  "no such row": "没有这一行",
  "no row": "缺少这一行",
};

// Bytes ---------------------------------------------------------------------

const utf8 = new TextEncoder();
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const text = (bytes) => strict.decode(bytes);
const hex = (bytes) => Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
const same = (a, b) => a.length === b.length && a.every((byte, i) => byte === b[i]);

function concat(...pieces) {
  const all = new Uint8Array(pieces.reduce((n, p) => n + p.length, 0));
  pieces.reduce((at, p) => (all.set(p, at), at + p.length), 0);
  return all;
}

async function digest(bytes, algorithm = "SHA-256") {
  return new Uint8Array(await crypto.subtle.digest(algorithm, bytes));
}

// Lower-case hex, strictly; null for anything else.
function unhex(string) {
  if (typeof string !== "string" || !/^(?:[0-9a-f]{2})*$/.test(string)) return null;
  return Uint8Array.from(string.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

function base64(bytes) {
  return btoa(Array.from(bytes, (b) => String.fromCharCode(b)).join(""));
}

// Standard base64 in its one spelling; null for anything else.
function unbase64(string) {
  try {
    const bytes = Uint8Array.from(atob(string), (c) => c.charCodeAt(0));
    return base64(bytes) === string ? bytes : null;
  } catch {
    return null;
  }
}

// The ZIP (APPNOTE 6.3.3: sections 4.3.7, 4.3.12, 4.3.16) ----------------------

// No bundle is larger than this once unpacked; a bomb is.
const MOST = 1 << 30;

async function inflate(bytes, size) {
  const reader = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw")).getReader();
  const all = new Uint8Array(size);
  let at = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    if (at + value.length > size) throw new Error("a file is longer than it says");
    all.set(value, at);
    at += value.length;
  }
  if (at !== size) throw new Error("a file is shorter than it says");
  return all;
}

// The folder's name and its files by path below it.
async function unzip(zip) {
  const view = new DataView(zip.buffer, zip.byteOffset, zip.byteLength);
  let end = zip.length - 22;
  while (end >= 0 && view.getUint32(end, true) !== 0x06054b50) end -= 1;
  if (end < 0) throw new Error("not a ZIP file");
  const count = view.getUint16(end + 10, true);
  let at = view.getUint32(end + 16, true);
  if (count === 0xffff || at === 0xffffffff) throw new Error("a ZIP64 file: too large for this page");
  const files = new Map();
  const places = [];
  let folder = null;
  let total = 0;
  for (let n = 0; n < count; n += 1) {
    if (view.getUint32(at, true) !== 0x02014b50) throw new Error("the list of files is damaged");
    const flags = view.getUint16(at + 8, true);
    const method = view.getUint16(at + 10, true);
    const packed = view.getUint32(at + 20, true);
    const size = view.getUint32(at + 24, true);
    const nameLength = view.getUint16(at + 28, true);
    const local = view.getUint32(at + 42, true);
    const name = text(zip.subarray(at + 46, at + 46 + nameLength));
    at += 46 + nameLength + view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
    if (flags & 1) throw new Error(`${name}: encrypted`);
    total += size;
    if (total > MOST) throw new Error("too large for this page");
    if (!/^[\x21-\x7e]+$/.test(name) || name.includes("\\") || name.split("/").some((part) => part === "" || part === "." || part === "..")) {
      throw new Error("a file name that no bundle has");
    }
    const [top, ...below] = name.split("/");
    folder ??= top;
    if (top !== folder || below.length === 0) throw new Error("more than one folder");
    const path = below.join("/");
    if (files.has(path)) throw new Error(`${path}: twice`);
    if (view.getUint32(local, true) !== 0x04034b50) throw new Error(`${path}: damaged`);
    const begin = local + 30 + view.getUint16(local + 26, true) + view.getUint16(local + 28, true);
    // Local headers repeat the name: a reader that believes them must see the same file.
    if (text(zip.subarray(local + 30, local + 30 + view.getUint16(local + 26, true))) !== name) throw new Error(`${path}: two names`);
    const body = zip.subarray(begin, begin + packed);
    if (begin + packed > zip.length) throw new Error(`${path}: cut off`);
    places.push([begin, begin + packed]);
    if (method === 0 && packed === size) files.set(path, body);
    else if (method === 8) files.set(path, await inflate(body, size));
    else throw new Error(`${path}: packed in a way that no bundle is`);
  }
  places.sort((a, b) => a[0] - b[0]);
  if (places.some(([begin], n) => n > 0 && begin < places[n - 1][1])) throw new Error("two files in one place");
  if (!folder) throw new Error("empty");
  return { folder, files };
}

// Checks --------------------------------------------------------------------

class Checks {
  constructor() {
    this.all = [];
  }

  add(name, result, file, expected, actual) {
    this.all.push({ name, result, file, expected: String(expected), actual: String(actual) });
  }

  same(name, file, expected, actual) {
    const equal = String(expected) === String(actual);
    this.add(name, equal ? "pass" : "fail", file, expected, actual);
    return equal;
  }

  // One check over many things; the first hundred that are wrong are named.
  over(name, file, count, problems) {
    if (problems.length === 0) this.add(name, "pass", file, count, count);
    for (const p of problems.slice(0, 100)) this.add(name, "fail", p.file ?? file, p.expected, p.actual);
  }

  result() {
    const has = (result) => this.all.some((check) => check.result === result);
    if (has("fail")) return "fail";
    return has("unknown") || this.all.length === 0 ? "unknown" : "pass";
  }
}

class Missing extends Error {}

// Reads files of one bundle; one that is not there ends what needs it.
class Bag {
  constructor(folder, files, checks) {
    Object.assign(this, { folder, files, checks });
  }

  get(path) {
    const bytes = this.files.get(path);
    if (!bytes) {
      this.checks.add("file_present", "fail", path, "present", "missing");
      throw new Missing(path);
    }
    return bytes;
  }

  lines(path) {
    const whole = text(this.get(path));
    if (whole === "") return [];
    if (!whole.endsWith("\n")) throw new Error(`${path}: the last line is cut`);
    return whole.slice(0, -1).split("\n");
  }

  json(path) {
    return JSON.parse(text(this.get(path)));
  }
}

async function manifest(bag, name, algorithm) {
  const listed = new Map();
  for (const line of bag.lines(name)) {
    const found = /^([0-9a-f]+) {2}(.+)$/.exec(line);
    if (!found || listed.has(found[2])) throw new Error(`${name}: a line that no manifest has`);
    listed.set(found[2], found[1]);
  }
  const problems = [];
  for (const [file, expected] of listed) {
    const bytes = bag.files.get(file);
    const actual = bytes ? hex(await digest(bytes, algorithm)) : "missing";
    if (actual !== expected) problems.push({ file, expected, actual });
  }
  bag.checks.over("file_hashes", name, listed.size, problems);
  return listed;
}

const TAGS = ["bag-info.txt", "bagit.txt", "manifest-sha256.txt", "manifest-sha512.txt", "trust/log-ed25519.pub.pem"];
// Signatures and tokens come after sealing: no manifest can list them.
const LATER = /^signatures\/tagmanifest-sha256\.txt\.(?:ed25519\.sig|p7s)(?:(?:\.[0-9]+)?\.ts[qr])?$|^signatures\/tagmanifest-sha256\.txt\.sm2\.sig$|^signatures\/succession\.jsonl$|^signatures\/renewal\/[0-9]{4}\.(?:sha256(?:\.ts[qr])?|pem)$|^trust\/tsa-(?:root|chain)\.pem$/;

async function manifests(bag) {
  const tags = await manifest(bag, "tagmanifest-sha256.txt", "SHA-256");
  const payload = await manifest(bag, "manifest-sha256.txt", "SHA-256");
  const again = await manifest(bag, "manifest-sha512.txt", "SHA-512");
  const unlike = [...payload.keys(), ...again.keys()].filter((path) => payload.has(path) !== again.has(path));
  bag.checks.over("payload_complete", "manifest-sha512.txt", payload.size, unlike.map((p) => ({ file: p, expected: "listed", actual: "not in the manifest" })));
  const inside = [...bag.files.keys()].filter((path) => path.startsWith("data/"));
  bag.checks.over("payload_complete", "manifest-sha256.txt", inside.length, inside.filter((p) => !payload.has(p)).map((p) => ({ file: p, expected: "listed", actual: "not in the manifest" })));
  bag.checks.over("file_present", "tagmanifest-sha256.txt", TAGS.length, TAGS.filter((path) => !tags.has(path)).map((p) => ({ file: p, expected: "listed", actual: "not in the manifest" })));
  // Who signed by certificate is for OpenSSL; that the signature is there where its certificate is listed, and only there, is told here.
  for (const [signature, signer] of [["p7s", "trust/signer.pem"], ["sm2.sig", "trust/sm2-signer.pem"]]) {
    const file = `signatures/tagmanifest-sha256.txt.${signature}`;
    if (tags.has(signer)) bag.checks.same("file_present", file, "present", bag.files.has(file) ? "present" : "missing");
    else if (bag.files.has(file)) bag.checks.same("no_other_files", file, "not there", "there");
  }
  const known = (path) => tags.has(path) || path === "tagmanifest-sha256.txt" || LATER.test(path);
  const others = [...bag.files.keys()].filter((path) => !path.startsWith("data/") && !known(path));
  bag.checks.over("no_other_files", "", bag.files.size, others.map((p) => ({ file: p, expected: "not there", actual: "there" })));
  const size = inside.reduce((n, path) => n + bag.files.get(path).length, 0);
  const oxum = bag.lines("bag-info.txt").find((line) => line.startsWith("Payload-Oxum: "));
  bag.checks.same("payload_oxum", "bag-info.txt", oxum?.slice(14), `${size}.${inside.length}`);
}

// The log ----------------------------------------------------------------------

// name+hash+base64 (C2SP signed-note), taken apart; null if it is none.
async function verifierKey(vkey) {
  const [name, id, ...rest] = String(vkey).split("+");
  const typed = unbase64(rest.join("+"));
  if (!name || !typed || typed.length !== 33 || typed[0] !== 1) return null;
  const hash = await digest(concat(utf8.encode(`${name}\n`), typed));
  return hex(hash.subarray(0, 4)) === id ? { name, id: hash.subarray(0, 4), raw: typed.subarray(1) } : null;
}

// The same twelve bytes stand before every Ed25519 key (RFC 8410).
const SPKI = unhex("302a300506032b6570032100");

function pem(raw) {
  return `-----BEGIN PUBLIC KEY-----\n${base64(concat(SPKI, raw))}\n-----END PUBLIC KEY-----\n`;
}

// Whether `signature` is over `bytes`; null where the browser does not know Ed25519.
async function signed(raw, signature, bytes) {
  let key;
  try {
    key = await crypto.subtle.importKey("spki", concat(SPKI, raw), "Ed25519", false, ["verify"]);
  } catch {
    return null;
  }
  return signature.length === 64 && (await crypto.subtle.verify("Ed25519", key, signature, bytes));
}

async function trust(bag, key, vkey, given) {
  const asked = given.trim();
  if (asked === "") return bag.checks.add("log_key", "unknown", "", "a key that you trust", vkey);
  if (/^[0-9a-fA-F]{64}$/.test(asked)) {
    return bag.checks.same("log_key", "", asked.toLowerCase(), hex(await digest(concat(SPKI, key.raw))));
  }
  if (asked.startsWith("-----BEGIN")) return bag.checks.same("log_key", "", asked.replace(/\s+/g, ""), pem(key.raw).replace(/\s+/g, ""));
  bag.checks.same("log_key", "", asked, vkey);
}

async function signature(bag, name, file, key, raw, bytes) {
  const holds = await signed(key.raw, raw, bytes);
  if (holds === null) bag.checks.add(name, "unknown", file, "Ed25519", "a browser that does not know it");
  else bag.checks.add(name, holds ? "pass" : "fail", file, "signed by the log's key", holds ? "signed by the log's key" : "another file, or another signature");
}

async function checkpoint(bag, report, given) {
  const key = await verifierKey(report.log.vkey);
  if (!key) {
    bag.checks.add("log_key", "fail", "data/evidence.json", "a verifier key", report.log.vkey);
    return null;
  }
  await trust(bag, key, report.log.vkey, given);
  bag.checks.same("log_key_file", "trust/log-ed25519.pub.pem", pem(key.raw), text(bag.get("trust/log-ed25519.pub.pem")));
  const SIGNATURE = "signatures/tagmanifest-sha256.txt.ed25519.sig";
  await signature(bag, "bundle_signature", "tagmanifest-sha256.txt", key, bag.get(SIGNATURE), bag.get("tagmanifest-sha256.txt"));

  const TEXT = "data/proofs/checkpoint.txt";
  const signedText = bag.get(TEXT);
  const note = text(bag.get("data/proofs/checkpoint.note"));
  const split = note.lastIndexOf("\n\n");
  bag.checks.same("checkpoint_text", TEXT, note.slice(0, split + 1), text(signedText));
  const ours = note.slice(split + 2).split("\n").map((line) => {
    const [dash, name, encoded] = line.split(" ");
    const bytes = dash === "\u2014" && name === key.name ? unbase64(encoded) : null;
    return bytes && same(bytes.subarray(0, 4), key.id) ? bytes.subarray(4) : null;
  }).filter(Boolean);
  if (ours.length === 0) bag.checks.add("checkpoint_signature", "fail", "data/proofs/checkpoint.note", "signed by the log's key", "no line by that key");
  for (const raw of ours) await signature(bag, "checkpoint_signature", "data/proofs/checkpoint.note", key, raw, signedText);
  await signature(bag, "checkpoint_signature", `${TEXT}.ed25519.sig`, key, bag.get(`${TEXT}.ed25519.sig`), signedText);

  const [origin, size, root] = text(signedText).split("\n");
  const read = { origin, size: Number(size), root: unbase64(root) };
  if (!/^(0|[1-9][0-9]{0,14})$/.test(size) || read.root?.length !== 32) {
    bag.checks.add("checkpoint_text", "fail", TEXT, "origin, size and root", text(signedText));
    return null;
  }
  bag.checks.same("checkpoint_facts", "data/evidence.json", `${origin} ${size} ${hex(read.root)} ${key.name}`, `${report.log.origin} ${report.log.size} ${report.log.root} ${report.log.origin}`);
  return read;
}

// RFC 9162, section 2.1.3.2: the root that a proof leads to; null for one of the wrong length.
async function rootFrom(index, size, leaf, proof) {
  if (index >= size) return null;
  let [node, last, value] = [index, size - 1, leaf];
  const half = (n) => Math.floor(n / 2);
  for (const sibling of proof) {
    if (last === 0) return null;
    if (node % 2 === 1 || node === last) {
      value = await digest(concat([1], sibling, value));
      while (node % 2 === 0 && node !== 0) [node, last] = [half(node), half(last)];
    } else {
      value = await digest(concat([1], value, sibling));
    }
    [node, last] = [half(node), half(last)];
  }
  return last === 0 ? value : null;
}

async function events(bag, head) {
  const EVENTS = "data/events.jsonl";
  const PROOFS = "data/proofs/inclusion.jsonl";
  const [lines, proofs] = [bag.lines(EVENTS), bag.lines(PROOFS)];
  bag.checks.same("inclusion", PROOFS, lines.length, proofs.length);
  const [found, badLeaves, badHashes, badProofs] = [[], [], [], []];
  let previous = -1;
  for (let n = 0; n < Math.min(lines.length, proofs.length); n += 1) {
    const bytes = utf8.encode(lines[n]);
    const proof = JSON.parse(proofs[n]);
    const leaf = JSON.parse(lines[n]);
    if (leaf.v !== 1 || typeof leaf.id !== "string") badLeaves.push({ expected: `line ${n + 1}: a leaf`, actual: lines[n].slice(0, 80) });
    const hash = await digest(concat([0], bytes));
    if (hex(hash) !== proof.leaf_hash) badHashes.push({ expected: `line ${n + 1}: ${proof.leaf_hash}`, actual: hex(hash) });
    const siblings = proof.proof.map(unhex);
    const root = siblings.every((s) => s?.length === 32) ? await rootFrom(proof.index, head.size, hash, siblings) : null;
    if (!root || !same(root, head.root)) badProofs.push({ expected: `line ${n + 1}: in the log at ${proof.index}`, actual: "the proof does not lead to the checkpoint" });
    if (!Number.isSafeInteger(proof.index) || proof.index <= previous) badProofs.push({ expected: `line ${n + 1}: indices in order`, actual: proof.index });
    previous = proof.index;
    found.push({ index: proof.index, leaf, hash, line: hex(await digest(bytes)), parts: new Map() });
  }
  bag.checks.over("leaves", EVENTS, lines.length, badLeaves);
  bag.checks.over("leaf_hashes", PROOFS, lines.length, badHashes);
  bag.checks.over("inclusion", PROOFS, lines.length, badProofs);
  return found;
}

function opening(line) {
  return line.encoding === "base64" ? unbase64(line.value) : utf8.encode(line.value);
}

async function parts(bag, all) {
  const PARTS = "data/parts.jsonl";
  const at = new Map(all.map((event) => [event.index, event]));
  const seen = new Set();
  const problems = [];
  const lines = bag.lines(PARTS);
  for (const [n, raw] of lines.entries()) {
    const line = JSON.parse(raw);
    const event = at.get(line.index);
    const place = `${line.index} ${line.name}`;
    const expected = event?.leaf.parts?.[line.name];
    if (!event || event.leaf.id !== line.event || expected === undefined || seen.has(place)) {
      problems.push({ expected: `line ${n + 1}: a part of an event here, once`, actual: raw.slice(0, 80) });
      continue;
    }
    seen.add(place);
    if ("withheld" in line) continue;
    const [salt, value] = [unhex(line.salt), opening(line)];
    const actual = salt?.length === 32 && value ? base64(await digest(concat(salt, value))) : "another form";
    if (actual !== expected) problems.push({ expected: `event ${place}: ${expected}`, actual });
    else event.parts.set(line.name, JSON.parse(text(value)));
  }
  for (const event of all) {
    for (const name of Object.keys(event.leaf.parts ?? {})) {
      if (!seen.has(`${event.index} ${name}`)) problems.push({ expected: `event ${event.index} ${name}: shown or withheld`, actual: "missing" });
    }
  }
  bag.checks.over("commitments", PARTS, lines.length, problems);
}

// The case ---------------------------------------------------------------------

function mentions(value, wanted) {
  if (typeof value === "string") return value === wanted;
  return value !== null && typeof value === "object" && Object.values(value).some((v) => mentions(v, wanted));
}

async function closing(bag, report, all) {
  const EVENTS = "data/events.jsonl";
  const mine = all.filter((event) => event.leaf.case === report.case.id);
  const closed = mine.find((event) => event.leaf.action === "case.closed");
  const detail = closed?.parts.get("detail");
  if (!closed) return bag.checks.add("case_closed", report.case.closed_at ? "fail" : "unknown", EVENTS, "case.closed", "not among the events");
  if (!detail) return bag.checks.add("case_closed", "unknown", EVENTS, "count and hash of the events", "withheld");
  const before = mine.filter((event) => event.index <= Math.min(detail.last, closed.index - 1));
  const said = (count, first, last) => `${count} events, ${first} to ${last}`;
  if (bag.checks.same("case_closed", EVENTS, said(detail.count, detail.first, detail.last), said(before.length, before[0]?.index, before.at(-1)?.index))) {
    bag.checks.same("case_closed", EVENTS, detail.leaf_hashes, hex(await digest(concat(...before.map((event) => event.hash)))));
  }
}

async function decisions(bag, report, all) {
  const REPORT = "data/evidence.json";
  const by = new Map(all.map((event) => [event.leaf.id, event]));
  const problems = [];
  for (const d of report.decisions) {
    const wrong = (expected, actual) => problems.push({ expected: `round ${d.round} level ${d.level}: ${expected}`, actual });
    const said = JSON.parse(d.statement);
    const stated = [d.decider, d.decision, d.level, report.case.id, report.case.recipients.root, base64(unhex(report.case.message_commitment))];
    const bound = [said.decider, said.decision, said.level, said.case, said.recipients.root, said.message];
    if (stated.join() !== bound.join()) wrong(stated.join(" "), bound.join(" "));
    if (d.shown && hex(await digest(utf8.encode(d.shown))) !== said.shown) wrong("the summary that was shown", "another text");
    const event = by.get(d.event);
    if (event?.leaf.action !== "recall.decided" || event.leaf.outcome !== "success") wrong("its recall.decided event", d.event);
    else if (event.parts.has("detail")) {
      const hash = hex(await digest(utf8.encode(d.statement)));
      if (!mentions(event.parts.get("detail"), hash)) wrong("a statement that its event names", hash);
    }
    const salt = d.comment_salt && unhex(d.comment_salt);
    if (d.comment && salt) {
      const opens = await Promise.all([d.comment, { comment: d.comment }].map(async (v) => base64(await digest(concat(salt, utf8.encode(JSON.stringify(v)))))));
      if (!opens.includes(said.comment)) wrong("a comment that opens its commitment", d.comment);
    }
  }
  const listed = new Set(report.decisions.map((d) => d.event));
  for (const event of all) {
    if (event.leaf.action === "recall.decided" && event.leaf.outcome === "success" && !listed.has(event.leaf.id)) {
      problems.push({ expected: "each decision of the log listed", actual: event.leaf.id });
    }
  }
  bag.checks.over("decisions", REPORT, report.decisions.length, problems);

  const people = new Map();
  const mixed = [];
  for (const d of report.decisions) {
    if (d.decider === report.case.requester) mixed.push({ expected: "somebody else than the requester", actual: d.decider });
    if ((people.get(d.decider) ?? d.level) !== d.level) mixed.push({ expected: "one level a person", actual: d.decider });
    people.set(d.decider, d.level);
  }
  const last = Math.max(0, ...report.decisions.map((d) => d.round));
  const approved = [...new Set(report.decisions.filter((d) => d.round === last && d.decision === "approve").map((d) => d.level))].sort().join(" ");
  const executed = all.some((event) => event.leaf.action === "recall.execution_started" && event.leaf.outcome === "success");
  if (executed && approved !== "1 2 3") mixed.push({ expected: "approvals at levels 1, 2 and 3", actual: approved });
  bag.checks.over("separation", REPORT, people.size, mixed);
}

async function message(bag, report) {
  for (const m of report.messages) {
    const path = `data/${m.file}`;
    const said = bag.json(path);
    if ("withheld" in said) {
      bag.checks.add("message", "pass", path, report.case.message_commitment, `withheld: ${said.withheld}`);
      continue;
    }
    const [salt, value] = [unhex(said.salt), opening(said)];
    bag.checks.same("message", path, report.case.message_commitment, salt && value ? hex(await digest(concat(salt, value))) : "another form");
  }
  const wrong = [];
  for (const a of report.attachments.filter((each) => each.file)) {
    const actual = hex(await digest(bag.get(`data/${a.file}`)));
    if (actual !== a.sha256) wrong.push({ file: `data/${a.file}`, expected: a.sha256, actual });
  }
  bag.checks.over("attachments", "data/evidence.json", report.attachments.length, wrong);
}

// The tables -------------------------------------------------------------------

// RFC 4180 with the bundle's own rules: BOM, CRLF, one leading apostrophe taken off.
function table(bag, path) {
  const whole = text(bag.get(path));
  if (!whole.startsWith("\ufeff")) throw new Error(`${path}: no byte order mark`);
  const rows = [];
  let [row, cell, quoted] = [[], "", false];
  const plain = (value) => (value.startsWith("'") ? value.slice(1) : value);
  for (let i = 1; i < whole.length; i += 1) {
    const c = whole[i];
    if (quoted) {
      if (c !== '"') cell += c;
      else if (whole[i + 1] === '"') {
        cell += '"';
        i += 1;
      } else quoted = false;
    } else if (c === '"' && cell === "") quoted = true;
    else if (c === ",") {
      row.push(plain(cell));
      cell = "";
    } else if (c === "\r" && whole[i + 1] === "\n") {
      rows.push([...row, plain(cell)]);
      [row, cell] = [[], ""];
      i += 1;
    } else cell += c;
  }
  if (row.length > 0 || cell !== "") throw new Error(`${path}: the last line is cut`);
  const [names, ...body] = rows;
  return body.map((cells) => Object.fromEntries(names.map((name, n) => [name, cells[n] ?? ""])));
}

async function views(bag, report, all) {
  const EVENTS = "data/events.csv";
  const shown = table(bag, EVENTS).map((r) => [r.index, r.event_id, r.at_utc, r.action, r.outcome, r.actor_id, r.subject_kind, r.subject_id, r.leaf_sha256].join(" "));
  const held = all.map(({ index, leaf, line }) => [index, leaf.id, leaf.at, leaf.action, leaf.outcome, leaf.actor.id, leaf.subject.kind, leaf.subject.id, line].join(" "));
  const differing = Array.from({ length: Math.max(shown.length, held.length) }, (_, n) => n).filter((n) => shown[n] !== held[n]);
  bag.checks.over("view", EVENTS, held.length, differing.map((n) => ({ expected: held[n] ?? "no such row", actual: shown[n] ?? "no row" })));

  const PEOPLE = "data/recipients.csv";
  const rows = table(bag, PEOPLE);
  const hashes = [];
  for (const row of rows) {
    const canonical = `{"id":${JSON.stringify(row.recipient_id)},"platform":${JSON.stringify(report.case.platform)}}`;
    hashes.push(await digest(concat([0], unhex(row.set_salt) ?? [], utf8.encode(canonical))));
  }
  const said = (count, root) => `${count} ${root}`;
  bag.checks.same("recipients", PEOPLE, said(report.case.recipients.count, report.case.recipients.root), said(rows.length, hex(await rootOf(hashes))));
}

// RFC 9162, section 2.1.1, over leaf hashes.
async function rootOf(hashes) {
  if (hashes.length === 0) return digest(new Uint8Array());
  let level = hashes;
  // Pairs from the left and an odd one carried up: the same tree as splitting at powers of two.
  while (level.length > 1) {
    const above = [];
    for (let i = 0; i < level.length; i += 2) {
      above.push(i + 1 < level.length ? await digest(concat([1], level[i], level[i + 1])) : level[i]);
    }
    level = above;
  }
  return level[0];
}

// All --------------------------------------------------------------------------

const FORMAT = 1;

async function verify(bytes, given) {
  const checks = new Checks();
  let bag;
  try {
    const { folder, files } = await unzip(bytes);
    checks.add("container", "pass", "", "zip", "zip");
    bag = new Bag(folder, files, checks);
  } catch (error) {
    checks.add("container", "fail", "", "zip", error.message);
    return checks;
  }
  // Each goes as far as it can; what cannot be read is a check that fails.
  const step = async (name, file, work) => {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof Missing)) checks.add(name, "fail", file, "readable", error.message);
      return null;
    }
  };
  await step("file_hashes", "", () => manifests(bag));
  const report = await step("format", "data/evidence.json", () => bag.json("data/evidence.json"));
  if (!report) return checks;
  if (report.format > FORMAT) {
    checks.add("format", "unknown", "data/evidence.json", FORMAT, report.format);
    return checks;
  }
  checks.same("format", "data/evidence.json", FORMAT, report.format);
  checks.same("number", "data/evidence.json", bag.folder, report.number);
  const head = await step("checkpoint_signature", "data/proofs/checkpoint.note", () => checkpoint(bag, report, given));
  const all = head && (await step("leaves", "data/events.jsonl", () => events(bag, head)));
  await step("message", "data/evidence.json", () => message(bag, report));
  if (!all) return checks;
  await step("commitments", "data/parts.jsonl", () => parts(bag, all));
  await step("case_closed", "data/events.jsonl", () => closing(bag, report, all));
  await step("decisions", "data/evidence.json", () => decisions(bag, report, all));
  await step("view", "data/events.csv", () => views(bag, report, all));
  return checks;
}

// The page ---------------------------------------------------------------------

let language = navigator.language.startsWith("zh") ? "zh-CN" : "en";
let shown = null;
const byId = (id) => document.getElementById(id);
const word = (name) => WORDS[language][name] ?? name;
const said = (value) => (language === "zh-CN" && Object.hasOwn(SAID, value) ? SAID[value] : value);

function speak() {
  document.documentElement.lang = language;
  document.title = word("title");
  for (const element of document.querySelectorAll("[data-word]")) element.textContent = word(element.dataset.word);
  const other = language === "en" ? "zh-CN" : "en";
  byId("language").lang = other;
  byId("language").textContent = other === "en" ? "English" : "中文";
  if (shown) tell(shown);
}

function tell(checks) {
  shown = checks;
  const result = checks.result();
  const count = (wanted) => checks.all.filter((check) => check.result === wanted).length;
  byId("verdict").className = result;
  byId("result").textContent = word(result);
  byId("help").textContent = word(`help-${result}`);
  const counts = { all: checks.all.length, pass: count("pass"), fail: count("fail"), unknown: count("unknown") };
  byId("counts").textContent = word("counts").replace(/\{(\w+)\}/g, (_, name) => counts[name]);
  const rank = { fail: 0, unknown: 1, pass: 2 };
  const rows = [...checks.all].sort((a, b) => rank[a.result] - rank[b.result]).map((check) => {
    const row = document.createElement("tr");
    const cut = (value) => (value.length > 300 ? `${value.slice(0, 300)}…` : value);
    for (const value of [word(check.name), word(check.result), check.file, cut(said(check.expected)), cut(said(check.actual))]) {
      const cell = document.createElement("td");
      cell.textContent = value;
      row.append(cell);
    }
    row.children[1].className = check.result;
    return row;
  });
  byId("checks").replaceChildren(...rows);
  byId("verdict").hidden = false;
}

byId("language").addEventListener("click", () => {
  language = language === "en" ? "zh-CN" : "en";
  speak();
});

byId("ask").addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = event.target.querySelector("button[type=submit]");
  button.disabled = true;
  button.textContent = word("working");
  const bytes = new Uint8Array(await byId("bundle").files[0].arrayBuffer());
  tell(await verify(bytes, byId("key").value));
  button.disabled = false;
  button.textContent = word("verify");
  byId("verdict").focus();
});

speak();
