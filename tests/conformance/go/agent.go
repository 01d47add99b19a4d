package main

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// serve plays the lines that come, and tells of each in one line what came of it: "ok WHAT" or "no WHY".  The line
// "calls" is about how often loaders were called.
func serve(s *stage, lines io.Reader) {
	for input := bufio.NewScanner(lines); input.Scan(); {
		var last found
		problem := problemOf(func() {
			if input.Text() != "calls" {
				last = s.play(input.Text())
			}
		})
		answer := "ok " + last.String()
		if input.Text() == "calls" {
			answer = fmt.Sprint("ok ", s.called.Load())
		} else if problem != "" {
			answer = "no " + problem
		}
		fmt.Println(strings.ReplaceAll(answer, "\n", " "))
	}
	if problem := problemOf(s.clear); problem != "" {
		fmt.Println("no " + problem)
	}
}
