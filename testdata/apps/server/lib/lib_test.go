package lib

import "testing"

func TestAnswer(t *testing.T) {
	if got := Answer(1, "2"); got != "pid=1 version=2" {
		t.Error(got)
	}
}
