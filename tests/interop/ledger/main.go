// Command main checks a published log (a C2SP tlog-tiles directory) with the code of the Go checksum database,
// golang.org/x/mod/sumdb, which was written by other people and shares nothing with Countermand.
//
//	GOPATH=/usr/share/gocode GO111MODULE=off CGO_ENABLED=0 go run main.go DIR
//
// DIR holds checkpoint, vkey and tile/. It checks the checkpoint's signature, authenticates every tile under the signed root, every entry
// of every bundle, and the growth from several earlier sizes. Exit status: 0 all holds, 1 something does not, 2 wrong usage.
package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const height = 8

// directory reads tiles from files; it is the untrusted side.
type directory string

func (d directory) Height() int { return height }

func (d directory) SaveTiles([]tlog.Tile, [][]byte) {}

func (d directory) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, tile := range tiles {
		data, err := d.read(strings.Replace(tile.Path(), "tile/8/", "tile/", 1))
		if err != nil {
			return nil, err
		}
		if len(data) != tile.W*tlog.HashSize {
			return nil, fmt.Errorf("%s: %d bytes", tile.Path(), len(data))
		}
		all = append(all, data)
	}
	return all, nil
}

func (d directory) read(path string) ([]byte, error) {
	return os.ReadFile(filepath.Join(string(d), filepath.FromSlash(path)))
}

// openCheckpoint returns the tree that the log's key signed.
func (d directory) openCheckpoint() (tlog.Tree, error) {
	var tree tlog.Tree
	key, err := d.read("vkey")
	if err != nil {
		return tree, err
	}
	verifier, err := note.NewVerifier(strings.TrimSpace(string(key)))
	if err != nil {
		return tree, err
	}
	signed, err := d.read("checkpoint")
	if err != nil {
		return tree, err
	}
	opened, err := note.Open(signed, note.VerifierList(verifier))
	if err != nil {
		return tree, err
	}
	origin, rest, found := strings.Cut(opened.Text, "\n")
	if !found || origin != verifier.Name() {
		return tree, fmt.Errorf("checkpoint of %q, key of %q", origin, verifier.Name())
	}
	// The Go project's trees have a fixed first line where C2SP has the origin.
	return tlog.ParseTree([]byte("go.sum database tree\n" + rest))
}

// bundle returns the entries of one bundle.
func (d directory) bundle(index int64, width int) ([][]byte, error) {
	tile := tlog.Tile{H: height, L: -1, N: index, W: width}
	path := strings.Replace(tile.Path(), "tile/8/data/", "tile/entries/", 1)
	data, err := d.read(path)
	if err != nil {
		return nil, err
	}
	var entries [][]byte
	for len(data) > 0 {
		if len(data) < 2 || len(data)-2 < int(binary.BigEndian.Uint16(data)) {
			return nil, fmt.Errorf("%s: cut inside entry %d", path, len(entries))
		}
		end := 2 + int(binary.BigEndian.Uint16(data))
		entries, data = append(entries, data[2:end]), data[end:]
	}
	if len(entries) != width {
		return nil, fmt.Errorf("%s: %d entries", path, len(entries))
	}
	return entries, nil
}

// tilesOf lists the tiles that a log of the given size must publish. (tlog.NewTiles also lists every narrower width of the last ones.)
func tilesOf(size int64) (tiles []tlog.Tile) {
	for level := 0; size>>(level*height) > 0; level++ {
		hashes := size >> (level * height)
		for start := int64(0); start < hashes; start += 1 << height {
			width := 1 << height
			if left := hashes - start; left < int64(width) {
				width = int(left)
			}
			tiles = append(tiles, tlog.Tile{H: height, L: level, N: start >> height, W: width})
		}
	}
	return tiles
}

// checkTiles compares every tile of the tree with hashes that were authenticated under the signed root.
func (d directory) checkTiles(tree tlog.Tree, hashes tlog.HashReader) (int, error) {
	tiles := tilesOf(tree.N)
	for _, tile := range tiles {
		data, err := d.ReadTiles([]tlog.Tile{tile})
		if err != nil {
			return 0, err
		}
		var indexes []int64
		for i := 0; i < tile.W; i++ {
			indexes = append(indexes, tlog.StoredHashIndex(tile.L*height, tile.N<<height+int64(i)))
		}
		expected, err := hashes.ReadHashes(indexes)
		if err != nil {
			return 0, err
		}
		for i, hash := range expected {
			if !bytes.Equal(hash[:], data[0][i*tlog.HashSize:(i+1)*tlog.HashSize]) {
				return 0, fmt.Errorf("%s: hash %d is not the signed one", tile.Path(), i)
			}
		}
	}
	return len(tiles), nil
}

// checkEntries compares every entry with its authenticated leaf hash, and proves a sample by a full audit path.
func (d directory) checkEntries(tree tlog.Tree, hashes tlog.HashReader) (proven int, err error) {
	step := tree.N/500 + 1
	for start := int64(0); start < tree.N; start += 1 << height {
		width := 1 << height
		if left := tree.N - start; left < int64(width) {
			width = int(left)
		}
		entries, err := d.bundle(start>>height, width)
		if err != nil {
			return 0, err
		}
		for i, entry := range entries {
			index := start + int64(i)
			leaf := tlog.RecordHash(entry)
			stored, err := hashes.ReadHashes([]int64{tlog.StoredHashIndex(0, index)})
			if err != nil {
				return 0, err
			}
			if stored[0] != leaf {
				return 0, fmt.Errorf("entry %d is not the signed one", index)
			}
			if index%step != 0 && index != tree.N-1 {
				continue
			}
			proof, err := tlog.ProveRecord(tree.N, index, hashes)
			if err != nil {
				return 0, err
			}
			if err := tlog.CheckRecord(proof, tree.N, tree.Hash, index, leaf); err != nil {
				return 0, fmt.Errorf("entry %d: %w", index, err)
			}
			proven++
		}
	}
	return proven, nil
}

// checkGrowth proves that the log extends what it was at several earlier sizes.
func checkGrowth(tree tlog.Tree, hashes tlog.HashReader) (int, error) {
	checked := 0
	for _, from := range []int64{1, 2, 255, 256, 257, tree.N / 3, tree.N / 2, tree.N - 1, tree.N} {
		if from < 1 || from > tree.N {
			continue
		}
		old, err := tlog.TreeHash(from, hashes)
		if err != nil {
			return 0, err
		}
		proof, err := tlog.ProveTree(tree.N, from, hashes)
		if err != nil {
			return 0, err
		}
		if err := tlog.CheckTree(proof, tree.N, tree.Hash, from, old); err != nil {
			return 0, fmt.Errorf("from size %d: %w", from, err)
		}
		checked++
	}
	return checked, nil
}

func check(d directory) error {
	tree, err := d.openCheckpoint()
	if err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	// Reads tiles, and answers only what it could authenticate under the signed root.
	hashes := tlog.TileHashReader(tree, &cached{directory: d, seen: map[tlog.Tile][]byte{}})
	tiles, err := d.checkTiles(tree, hashes)
	if err != nil {
		return fmt.Errorf("tiles: %w", err)
	}
	proven, err := d.checkEntries(tree, hashes)
	if err != nil {
		return fmt.Errorf("entries: %w", err)
	}
	growth, err := checkGrowth(tree, hashes)
	if err != nil {
		return fmt.Errorf("consistency: %w", err)
	}
	fmt.Printf("ok: %d entries, %d tiles, %d audit paths, %d consistency proofs\n", tree.N, tiles, proven, growth)
	return nil
}

// cached keeps tiles in memory once the reader has authenticated them.
type cached struct {
	directory
	seen map[tlog.Tile][]byte
}

func (c *cached) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, tile := range tiles {
		data, found := c.seen[tile]
		if !found {
			read, err := c.directory.ReadTiles([]tlog.Tile{tile})
			if err != nil {
				return nil, err
			}
			data = read[0]
		}
		all = append(all, data)
	}
	return all, nil
}

func (c *cached) SaveTiles(tiles []tlog.Tile, data [][]byte) {
	for i, tile := range tiles {
		c.seen[tile] = data[i]
	}
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: main DIR")
		os.Exit(2)
	}
	if err := check(directory(os.Args[1])); err != nil {
		fmt.Fprintln(os.Stderr, "failed:", err)
		os.Exit(1)
	}
}
