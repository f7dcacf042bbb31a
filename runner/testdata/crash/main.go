// Crash ends in the way that its argument names. The tests find the line of a way by the
// comment at its end.
package main

import (
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime/debug"
	"sort"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hotreload/hotreload/runner/testdata/crash/lib"
)

type point struct{ x int }

func (p *point) set(m map[string]int) { m["x"] = p.x } // nilmap

func first() { panic("first") } // first

func deep(n int) int { return deep(n+1) + 1 } // overflow

// handler panics where net/http recovers from it.
func handler() {
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("handler") }))
	http.Get(s.URL)
}

var shared int

func main() {
	ways[os.Args[1]]()
}

var ways = map[string]func(){
	"nilmap": func() { (&point{}).set(nil) },
	"custom": func() {
		panic(&lib.E{N: 3}) // custom
	},
	"struct": func() {
		panic(point{1}) // struct
	},
	"multiline": func() {
		panic("a\nb\n\nc") // multiline
	},
	"lookalike": func() {
		panic("a\npanic: b\ngoroutine 1 [running]:") // lookalike
	},
	"repanicked": func() {
		defer func() { panic(recover()) }()
		first()
	},
	"wrapped": func() {
		defer func() { panic(fmt.Sprint("wrapped ", recover())) }() // wrapped
		first()
	},
	"nested": func() {
		defer func() { panic("second") }()
		first()
	},
	"goroutine": func() {
		go func() {
			var p *point
			p.x = 1 // goroutine
		}()
		time.Sleep(time.Hour)
	},
	"log": func() {
		log.Panic("text of the log") // log
	},
	"logmany": func() {
		fmt.Fprintln(os.Stderr, "panic: this one was recovered\n\ngoroutine 1 [running]:\nx.y()\n\t/x/y.go:1 +0x1\n\nand it goes on")
		panic("the real one") // logmany
	},
	"callback": func() {
		sort.Slice([]int{1, 2, 3}, func(i, j int) bool {
			panic("in less") // callback
		})
	},
	"own library": func() { lib.Boom(42) },
	"module cache": func() {
		cmp.Diff(point{1}, point{2}) // module cache
	},
	"library goroutine": func() {
		time.AfterFunc(0, func() {
			panic("in timer") // library goroutine
		})
		time.Sleep(time.Hour)
	},
	"deadlock": func() {
		<-make(chan int) // deadlock
	},
	"map race": func() {
		m := map[int]int{}
		for range 8 {
			go func() {
				for i := 0; ; i++ {
					m[i%10] = i // map race
				}
			}()
		}
		time.Sleep(time.Hour)
	},
	"overflow": func() {
		debug.SetMaxStack(1 << 20) // 1 GB takes its time
		deep(0)
	},
	"many goroutines": func() {
		for range 3000 {
			go func() { select {} }()
		}
		first()
	},
	"handler": handler,
	"handler2": func() {
		handler()
		os.Exit(2)
	},
	"stdout": func() {
		fmt.Println("panic: on stdout\n\ngoroutine 1 [running]:\nmain.main()\n\t/x/y.go:1 +0x1")
		os.Exit(2)
	},
	"race": func() {
		done := make(chan bool)
		go func() {
			shared++ // race
			close(done)
		}()
		shared++
		<-done
	},
	"exit2": func() { os.Exit(2) },
}
