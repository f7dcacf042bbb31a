// Package house holds the rules of the house as tests: which package may import
// which, and what every package owes its reader. It contains no code.
package house
