// Whether a history is that of registers, one a key:  checker [-reads KINDS] [-picture FILE] HISTORY
//
// A history has a JSON object in each line: a write {"key", "version", "call", "return"}, whose return is 0 where it was
// never acknowledged, and a read {"kind", "key", "version", "call", "return"}; times in nanoseconds of one clock.  Writes
// take effect in the order of their versions, which is that of the database.  KINDS, joined by commas, says which reads
// count.  Exits 1 where it is not linearizable, 2 where that can't be told.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"math"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/anishathalye/porcupine"
)

const patience = 5 * time.Minute

type event struct {
	Kind    string `json:"kind"` // "write", or what kind of read
	Key     string `json:"key"`
	Version int    `json:"version"`
	Call    int64  `json:"call"`
	Return  int64  `json:"return"`
	Client  int    `json:"client"`
}

// The state is the version at hand.
var register = porcupine.Model{
	Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
		byKey := map[string][]porcupine.Operation{}
		for _, operation := range history {
			key := operation.Input.(event).Key
			byKey[key] = append(byKey[key], operation)
		}
		parts := [][]porcupine.Operation{}
		for _, part := range byKey {
			parts = append(parts, part)
		}
		return parts
	},
	Init: func() any { return 0 },
	Step: func(state, input, _ any) (bool, any) {
		version, operation := state.(int), input.(event)
		if operation.Kind == "write" {
			return operation.Version > version, operation.Version
		}
		return operation.Version == version, version
	},
	DescribeOperation: func(input, _ any) string {
		operation := input.(event)
		return fmt.Sprintf("%s %s %d", operation.Kind, operation.Key, operation.Version)
	},
}

func read(path string, kinds []string) []porcupine.Operation {
	file, err := os.Open(path)
	if err != nil {
		log.Fatal(err)
	}
	defer file.Close()
	history := []porcupine.Operation{}
	lines := bufio.NewScanner(file)
	for number := 1; lines.Scan(); number++ {
		var one event
		if err := json.Unmarshal(lines.Bytes(), &one); err != nil {
			log.Fatalf("%s:%d: %v", path, number, err)
		}
		if one.Kind != "write" && !slices.Contains(kinds, one.Kind) {
			continue
		}
		if one.Return == 0 {
			one.Return = math.MaxInt64
		}
		history = append(history, porcupine.Operation{ClientId: one.Client, Input: one, Call: one.Call, Return: one.Return})
	}
	if err := lines.Err(); err != nil {
		log.Fatal(err)
	}
	return history
}

func main() {
	log.SetFlags(0)
	kinds := flag.String("reads", "strong", "the kinds of reads that count")
	picture := flag.String("picture", "", "where to draw a history that is not linearizable")
	flag.Parse()
	history := read(flag.Arg(0), strings.Split(*kinds, ","))
	result := porcupine.CheckOperationsTimeout(register, history, patience)
	fmt.Printf("%d operations: %s\n", len(history), strings.ToLower(string(result)))
	switch result {
	case porcupine.Ok:
		return
	case porcupine.Unknown:
		os.Exit(2)
	}
	if *picture != "" { // which takes a look at all of it, and that may be long
		_, info := porcupine.CheckOperationsVerbose(register, history, patience)
		if err := porcupine.VisualizePath(register, info, *picture); err != nil {
			log.Fatal(err)
		}
		fmt.Printf("drawn in %s\n", *picture)
	}
	os.Exit(1)
}
