// Judges a published log with npm's @sigstore/verify: checkpoint and inclusion, and tampered input.
//
//     node tlog.cjs MODULES PUBLISHED PROOFS
//
// MODULES is the folder that @sigstore/verify was installed into; its modules are its own, hence the pinned version.
const crypto = require("node:crypto");
const fs = require("node:fs");
const path = require("node:path");

const [modules, published, proofs] = process.argv.slice(2);
const inside = (name) => require(path.resolve(modules, "node_modules/@sigstore/verify/dist/tlog", name));
const { verifyMerkleInclusion } = inside("merkle.js");
const { verifyCheckpoint } = inside("checkpoint.js");

const vkey = fs.readFileSync(path.join(published, "vkey"), "utf8").trim();
const [name, hash, key] = [vkey.split("+")[0], vkey.split("+")[1], Buffer.from(vkey.split("+").slice(2).join("+"), "base64")];
const der = Buffer.concat([Buffer.from("302a300506032b6570032100", "hex"), key.subarray(1)]);
const log = { logID: Buffer.from(hash, "hex"), baseURL: name, publicKey: crypto.createPublicKey({ key: der, format: "der", type: "spki" }) };

const refuses = (what, check) => {
    try {
        check();
    } catch {
        return;
    }
    throw new Error(`${what} was accepted`);
};
const flipped = (bytes) => Buffer.concat([Buffer.from([bytes[0] ^ 1]), bytes.subarray(1)]);
const open = (envelope) => verifyCheckpoint({ inclusionProof: { checkpoint: { envelope } } }, [log]);

const note = fs.readFileSync(path.join(published, "checkpoint"), "utf8");
const head = open(note);
refuses("another checkpoint", () => open(note.replace(/\n\d+\n/, "\n1\n")));
const size = Number(head.logSize);

const leaf = (index) => {
    const [bundle, width] = [Math.floor(index / 256), Math.min(256, size - Math.floor(index / 256) * 256)];
    let data = fs.readFileSync(path.join(published, "tile/entries", String(bundle).padStart(3, "0") + (width < 256 ? `.p/${width}` : "")));
    for (let n = index % 256; n > 0; n--) data = data.subarray(2 + data.readUInt16BE());
    return data.subarray(2, 2 + data.readUInt16BE());
};

for (const file of fs.readdirSync(proofs)) {
    const index = Number(path.parse(file).name);
    const lines = fs.readFileSync(path.join(proofs, file), "utf8").split("\n\n")[0].split("\n");
    const hashes = lines.slice(2).map((line) => Buffer.from(line, "base64"));
    const included = (body, siblings, at) => verifyMerkleInclusion({ canonicalizedBody: body, inclusionProof: { logIndex: String(at), hashes: siblings } }, head);
    included(leaf(index), hashes, index);
    refuses("another leaf", () => included(flipped(leaf(index)), hashes, index));
    refuses("another place", () => included(leaf(index), hashes, index ^ 1));
    refuses("another sibling", () => included(leaf(index), [flipped(hashes[0]), ...hashes.slice(1)], index));
}
console.log("@sigstore/verify: checkpoint and inclusion");
