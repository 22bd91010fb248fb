#!/usr/bin/env bash
# Checks an evidence bundle with software that we did not write: coreutils, OpenSSL, Python; certtool, gmssl, bagit.py and frictionless where installed
# (REQUIRE_TOOLS=1 makes their absence an error; TOOLS names a folder to look for them first).
# Usage: bundle.sh FILE.zip     Exit code 0 if everything holds; stops at the first command that fails.
set -euo pipefail
zip=$(realpath "$1")
here=$(realpath "$(dirname "$0")")
PATH="${TOOLS:+$TOOLS:}$PATH"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
step() { echo "- $*"; }

if [ -f "$zip.sha256" ]; then
  step "transport checksum"
  (cd "$(dirname "$zip")" && sha256sum --strict --quiet -c "$(basename "$zip").sha256")
fi
python3 - "$zip" "$work" <<'PY'
import sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as z:
    assert z.testzip() is None
    names = z.namelist()
    assert names == sorted(names) and len(names) == len(set(names)) and all(n.isascii() for n in names), names
    z.extractall(sys.argv[2])
PY
cd "$work"/*/

step "hashes of tag files and payload"
sha256sum --strict --quiet -c tagmanifest-sha256.txt
sha256sum --strict --quiet -c manifest-sha256.txt
sha512sum --strict --quiet -c manifest-sha512.txt
step "no missing and no extra file"
diff <(find data -type f | LC_ALL=C sort) <(cut -c67- manifest-sha256.txt | LC_ALL=C sort)
step "checkpoint signature"
openssl pkeyutl -verify -rawin -pubin -inkey trust/log-ed25519.pub.pem -in data/proofs/checkpoint.txt -sigfile data/proofs/checkpoint.txt.ed25519.sig
step "leaf hash of every line"
lines=$(wc -l < data/events.jsonl)
for n in $(seq 1 "$lines"); do
  have=$( (printf '\0'; sed -n "${n}p" data/events.jsonl | tr -d '\n') | sha256sum | cut -d' ' -f1)
  want=$(sed -n "${n}p" data/proofs/inclusion.jsonl | sed 's/.*"leaf_hash":"\([0-9a-f]*\)".*/\1/')
  [ "$have" = "$want" ] || { echo "line $n: $have is not $want"; exit 1; }
done
[ "$lines" -gt 0 ] && [ "$lines" = "$(wc -l < data/proofs/inclusion.jsonl)" ]
echo "  $lines leaf hashes"
step "tools/verify.py"
python3 data/tools/verify.py .
step "signature over the root manifest"
openssl pkeyutl -verify -rawin -pubin -inkey trust/log-ed25519.pub.pem -in tagmanifest-sha256.txt -sigfile signatures/tagmanifest-sha256.txt.ed25519.sig
if [ -e trust/signer.pem ]; then
  p7s=signatures/tagmanifest-sha256.txt.p7s
  step "signature by certificate: openssl cms"
  if [ -e "$p7s.tsr" ]; then
    at=$(openssl ts -reply -in "$p7s.tsr" -text 2>/dev/null | sed -n 's/^Time stamp: //p')
  else
    at=$(openssl cms -cmsout -print -inform DER -in "$p7s" | sed -n 's/^ *UTCTIME:\(.* GMT\).*/\1/p' | tail -n 1)
  fi
  judge() {
    openssl cms -verify -binary -cades -purpose any -inform DER -in "$1" -content "$2" \
      -CAfile trust/signer-root.pem -no-CApath -no-CAstore -attime "$(date -d "$at" +%s)" -out /dev/null
  }
  judge "$p7s" tagmanifest-sha256.txt
  if [ -e trust/signer.crl.pem ]; then
    step "revoked certificates: the signer's"
    cat trust/signer-root.pem trust/signer.crl.pem > "$work/listed.pem"
    openssl cms -verify -binary -cades -purpose any -inform DER -in "$p7s" -content tagmanifest-sha256.txt \
      -CAfile "$work/listed.pem" -no-CApath -no-CAstore -crl_check -attime "$(date -d "$at" +%s)" -out /dev/null
  fi
  openssl verify -purpose any -CAfile trust/signer-root.pem -no-CApath -no-CAstore -untrusted trust/signer-chain.pem trust/signer.pem
  python3 - "$p7s" "$work/damaged.p7s" tagmanifest-sha256.txt "$work/damaged.txt" <<'PY'
import sys
for source, out in (sys.argv[1:3], sys.argv[3:5]):
    data = bytearray(open(source, "rb").read())
    data[-20] ^= 1
    open(out, "wb").write(data)
PY
  ! judge "$work/damaged.p7s" tagmanifest-sha256.txt 2>/dev/null || { echo "a damaged signature verifies"; exit 1; }
  ! judge "$p7s" "$work/damaged.txt" 2>/dev/null || { echo "the signature is over another list too"; exit 1; }
  if command -v certtool > /dev/null; then
    step "signature by certificate: certtool"
    certtool --p7-verify --inder --infile "$p7s" --load-data tagmanifest-sha256.txt --load-ca-certificate trust/signer-root.pem > "$work/certtool.txt" || { cat "$work/certtool.txt"; exit 1; }
    ! certtool --p7-verify --inder --infile "$p7s" --load-data "$work/damaged.txt" --load-ca-certificate trust/signer-root.pem > "$work/certtool.txt" 2>&1 || { cat "$work/certtool.txt"; exit 1; }
  else
    [ -z "${REQUIRE_TOOLS:-}" ] || { echo "certtool is not installed"; exit 1; }
    echo "- certtool is not installed: left out"
  fi
fi
if [ -e signatures/payload.sm3 ]; then
  step "hashes by SM3: cksum and OpenSSL"
  cksum -a sm3 --strict --quiet --check signatures/payload.sm3
  diff <(cut -c67- signatures/payload.sm3) <(cut -c67- manifest-sha256.txt)
  while read -r hash file; do
    [ "$(openssl dgst -sm3 -r "$file" | cut -c1-64)" = "$hash" ] || { echo "$file: another hash by OpenSSL"; exit 1; }
  done < signatures/payload.sm3
fi
if [ -e trust/sm2-signer.pem ]; then
  sm2=signatures/tagmanifest-sha256.txt.sm2.sig
  step "signature by SM2: the guide's commands"
  for guide in data/VERIFY.en.md:"the SM2 signature" data/VERIFY.zh-CN.md:"国密算法：SM2 签名"; do
    awk -v head="${guide#*:}" 'index($0, head) && /^###/ { on = 1 } on && /^```$/ { exit } code { print } on && /^```sh$/ { code = 1 }' "${guide%%:*}" > "$work/sm2.sh"
    bash -euo pipefail "$work/sm2.sh" > "$work/sm2.txt" 2>&1 || { cat "$work/sm2.txt"; exit 1; }
    grep -q '^Verified OK$' "$work/sm2.txt"
  done
  cat "$work/sm2.txt"
  openssl x509 -in trust/sm2-signer.pem -noout -pubkey > "$work/sm2.pub"
  by_sm2() { openssl dgst -sm3 -verify "$work/sm2.pub" -sigopt distid:1234567812345678 -signature "$1" "$2" > /dev/null 2>&1; }
  cp "$sm2" "$work/damaged.sig" && cp tagmanifest-sha256.txt "$work/damaged.txt"
  python3 - "$work/damaged.sig" "$work/damaged.txt" <<'PY'
import sys
for name in sys.argv[1:]:
    data = bytearray(open(name, "rb").read())
    data[-20] ^= 1
    open(name, "wb").write(data)
PY
  ! by_sm2 "$work/damaged.sig" tagmanifest-sha256.txt || { echo "a damaged SM2 signature verifies"; exit 1; }
  ! by_sm2 "$sm2" "$work/damaged.txt" || { echo "the SM2 signature is over another list too"; exit 1; }
  if python3 -c 'import gmssl' 2> /dev/null; then
    step "signature by SM2: Python's gmssl"
    python3 "$here/sm2.py" "$work/sm2.pub" tagmanifest-sha256.txt "$sm2" signatures/payload.sm3
  else
    [ -z "${REQUIRE_TOOLS:-}" ] || { echo "Python's gmssl is not installed"; exit 1; }
    echo "- Python's gmssl is not installed: left out"
  fi
fi
for token in signatures/*.tsr data/proofs/anchors/*.tsr; do
  [ -e "$token" ] || continue
  step "timestamp $token"
  stamped=$(printf '%s' "$token" | sed -E 's/(\.[0-9]+)?\.tsr$//')
  at=$(date -d "$(openssl ts -reply -in "$token" -text 2>/dev/null | sed -n 's/^Time stamp: //p')" +%s)
  openssl ts -verify -data "$stamped" -in "$token" -CAfile trust/tsa-root.pem -attime "$at"
  openssl ts -verify -queryfile "${token%.tsr}.tsq" -in "$token" -CAfile trust/tsa-root.pem -attime "$at"
  cat trust/tsa-root.pem trust/tsa.crl.pem signatures/tsa.crl.pem 2>/dev/null > "$work/listed.pem" || true
  if grep -q 'BEGIN X509 CRL' "$work/listed.pem"; then
    step "revoked certificates: $token"
    openssl ts -verify -data "$stamped" -in "$token" -CAfile "$work/listed.pem" -crl_check -attime "$at"
  fi
done
step "CSV by Python's reader"
python3 - <<'PY'
import csv, hashlib, json
lines = {hashlib.sha256(l).hexdigest() for l in open("data/events.jsonl", "rb").read().split(b"\n")[:-1]}
for name in ("events", "approvals", "recipients", "deliveries"):
    raw = open("data/%s.csv" % name, "rb").read()
    assert raw.startswith(b"\xef\xbb\xbf") and raw.endswith(b"\r\n"), name
    rows = list(csv.reader(open("data/%s.csv" % name, encoding="utf-8-sig", newline="")))
    assert all(len(r) == len(rows[0]) for r in rows), name
    for row in rows[1:]:
        cells = dict(zip(rows[0], row))
        assert cells["leaf_sha256"] in lines or cells["leaf_sha256"] == "", (name, row)
        assert not any(c[:1] in "=+-@\t\r\n;|%" and c for c in row), (name, row)
events = [json.loads(l) for l in open("data/events.jsonl", encoding="utf-8")]
rows = list(csv.DictReader(open("data/events.csv", encoding="utf-8-sig", newline="")))
assert [(r["event_id"], r["at_utc"], r["action"]) for r in rows] == [(e["id"], e["at"], e["action"]) for e in events]
PY
for tool in bagit.py frictionless; do
  if ! command -v "$tool" > /dev/null; then
    [ -z "${REQUIRE_TOOLS:-}" ] || { echo "$tool is not installed"; exit 1; }
    echo "- $tool is not installed: left out"
  elif [ "$tool" = bagit.py ]; then
    step "bagit.py"
    bagit.py --validate . 2>&1 | tail -n 1
  else
    step "frictionless"
    frictionless validate data/datapackage.json > "$work/frictionless.txt" 2>&1 || { cat "$work/frictionless.txt"; exit 1; }
  fi
done
echo "every command holds"
