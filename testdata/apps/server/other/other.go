// Package other is imported by nobody.
package other

// Value is what tests edit to see that nothing happens.
const Value = 1
