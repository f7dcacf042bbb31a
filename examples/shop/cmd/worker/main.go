// Worker packs what was ordered.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"example.org/shop/catalog"
	"example.org/shop/serve"
)

// EDIT ME: how often the worker looks for orders.
const pause = time.Second

func main() {
	log.SetFlags(0)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	api := "http://" + serve.Env("API_ADDR", "127.0.0.1:8081")
	log.Printf("looking for orders every %s (pid %d)", pause, os.Getpid())
	for tick := time.NewTicker(pause); ; {
		select {
		case <-ctx.Done():
			log.Print("going home")
			return
		case <-tick.C:
		}
		if err := pack(ctx, api); err != nil && ctx.Err() == nil {
			log.Print(err)
		}
	}
}

// pack takes the orders that wait and packs them.
func pack(ctx context.Context, api string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, api+"/orders/take", nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("the api is away: %w", err)
	}
	defer resp.Body.Close()
	var orders []string
	if err := json.NewDecoder(resp.Body).Decode(&orders); err != nil {
		return err
	}
	for _, o := range orders {
		fmt.Printf("packed: %s (%s)\n", o, price(o))
	}
	return nil
}

func price(item string) string {
	for _, i := range catalog.Items {
		if i.Name == item {
			return catalog.Price(i.Cents)
		}
	}
	return "no such item"
}
