// Checks a checkpoint that was cosigned: Go's sumdb/note takes the note apart and opens the log's own signature; the cosignature
// (C2SP tlog-cosignature, type 0x04) is checked with the standard library's Ed25519. A changed note must not open.
package main

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"os"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

type cosigner struct {
	name string
	hash uint32
	key  ed25519.PublicKey
}

func (c cosigner) Name() string    { return c.name }
func (c cosigner) KeyHash() uint32 { return c.hash }
func (c cosigner) Verify(msg, sig []byte) bool {
	if len(sig) != 8+ed25519.SignatureSize {
		return false
	}
	signed := fmt.Sprintf("cosignature/v1\ntime %d\n%s", binary.BigEndian.Uint64(sig), msg)
	return ed25519.Verify(c.key, []byte(signed), sig[8:])
}

func parse(vkey string) cosigner {
	parts := strings.SplitN(vkey, "+", 3)
	typed, err := base64.StdEncoding.DecodeString(parts[2])
	if err != nil || len(typed) != 33 || typed[0] != 4 {
		panic("not a cosigner's key: " + vkey)
	}
	sum := sha256.Sum256([]byte(parts[0] + "\n" + string(typed)))
	hash := binary.BigEndian.Uint32(sum[:])
	if fmt.Sprintf("%08x", hash) != parts[1] {
		panic("the hash of " + vkey)
	}
	return cosigner{parts[0], hash, typed[1:]}
}

func main() {
	msg, err := os.ReadFile(os.Args[1])
	if err != nil {
		panic(err)
	}
	log, err := note.NewVerifier(os.Args[2])
	if err != nil {
		panic(err)
	}
	verifiers := []note.Verifier{log}
	for _, vkey := range os.Args[3:] {
		verifiers = append(verifiers, parse(vkey))
	}
	opened, err := note.Open(msg, note.VerifierList(verifiers...))
	if err != nil {
		panic(err)
	}
	if len(opened.Sigs) != len(verifiers) {
		panic(fmt.Sprintf("%d of %d signatures", len(opened.Sigs), len(verifiers)))
	}
	for i := range verifiers {
		changed := strings.Replace(string(msg), "\n", "\n1", 1)
		if _, err := note.Open([]byte(changed), note.VerifierList(verifiers[i])); err == nil {
			panic("a changed note opens")
		}
	}
	fmt.Printf("ok: %d signatures over %s\n", len(opened.Sigs), strings.SplitN(opened.Text, "\n", 3)[1])
}
