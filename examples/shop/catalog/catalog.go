// Package catalog is shared by all programs of the shop. A change rebuilds all of them,
// in one go build. Programs whose binary stays the same are not restarted.
package catalog

import "fmt"

// Name is the name of the shop.
//
// EDIT ME: only the api uses it. The binaries of worker and web stay the same, so these keep running.
const Name = "The corner shop"

// Item is something that can be bought.
type Item struct {
	Name  string `json:"name"`
	Cents int    `json:"cents"`
}

// Items is everything that the shop sells.
//
// EDIT ME: a price, or a new item. The api and the worker use them.
var Items = []Item{
	{"apple", 45},
	{"bread", 320},
	{"cheese", 540},
}

// Price is an amount as people read it.
//
// EDIT ME: a currency. The web and the worker print prices.
func Price(cents int) string { return fmt.Sprintf("%d.%02d", cents/100, cents%100) }
