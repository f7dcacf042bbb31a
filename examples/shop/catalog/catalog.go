// Package catalog is what all programs of the shop know of its goods. A change of it
// rebuilds all of them, in one go build; those that come out as they were are not
// restarted.
package catalog

import "fmt"

// Name is the name of the shop.
//
// EDIT ME: it is part of the api alone; worker and web come out as they were, and go on.
const Name = "The corner shop"

// Item is something that can be bought.
type Item struct {
	Name  string `json:"name"`
	Cents int    `json:"cents"`
}

// Items is all there is.
//
// EDIT ME: a price, or a new item. The api and the worker know them.
var Items = []Item{
	{"apple", 45},
	{"bread", 320},
	{"cheese", 540},
}

// Price is an amount as people read it.
//
// EDIT ME: a currency. The web and the worker print prices.
func Price(cents int) string { return fmt.Sprintf("%d.%02d", cents/100, cents%100) }
