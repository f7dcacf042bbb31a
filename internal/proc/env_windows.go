package proc

import "strings"

func sameVariable(a, b string) bool { return strings.EqualFold(a, b) }

func variableKey(name string) string { return strings.ToUpper(name) }
