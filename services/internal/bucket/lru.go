package bucket

import "container/list"

// lru counts the bytes of what was used, least recently used last. It is not
// safe for several goroutines.
type lru[V any] struct {
	bytes int64
	order list.List // of *item[V], the last used one first
	items map[string]*list.Element
}

type item[V any] struct {
	key   string
	size  int64
	open  int // how often it is open: it stays
	value V
}

func (l *lru[V]) get(key string) *item[V] {
	e := l.items[key]
	if e == nil {
		return nil
	}
	return e.Value.(*item[V])
}

// use returns an item, and notes that it is used; nil: there is none.
func (l *lru[V]) use(key string) *item[V] {
	e := l.items[key]
	if e == nil {
		return nil
	}
	l.order.MoveToFront(e)
	return e.Value.(*item[V])
}

// set adds an item, or changes its size. It is used.
func (l *lru[V]) set(key string, size int64) *item[V] {
	it := l.use(key)
	if it == nil {
		it = &item[V]{key: key}
		l.insert(it, l.order.PushFront)
	}
	l.bytes += size - it.size
	it.size = size
	return it
}

// setOldest adds an item as the one that was not used for the longest time, if
// there is none.
func (l *lru[V]) setOldest(key string, size int64) {
	if l.items[key] == nil {
		l.insert(&item[V]{key: key, size: size}, l.order.PushBack)
		l.bytes += size
	}
}

func (l *lru[V]) insert(it *item[V], push func(any) *list.Element) {
	if l.items == nil {
		l.items = map[string]*list.Element{}
	}
	l.items[it.key] = push(it)
}

func (l *lru[V]) drop(key string) {
	if e := l.items[key]; e != nil {
		l.order.Remove(e)
		delete(l.items, key)
		l.bytes -= e.Value.(*item[V]).size
	}
}

// shrink drops what was not used for the longest time and is not open, until
// the rest has at most so many bytes. It returns the keys.
func (l *lru[V]) shrink(most int64) (dropped []string) {
	for e := l.order.Back(); e != nil && l.bytes > most; {
		it, before := e.Value.(*item[V]), e.Prev()
		if it.open == 0 {
			l.drop(it.key)
			dropped = append(dropped, it.key)
		}
		e = before
	}
	return dropped
}
