//go:build unix

package cli

var shellQuotes = quotes{plain: "_-./:=@%+,", quote: "'", within: `'\''`}
