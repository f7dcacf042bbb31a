module example.com/handover

go 1.25.0

require github.com/coreos/go-systemd/v22 v22.6.0
