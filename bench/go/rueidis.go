package main

import "github.com/redis/rueidis"

func newRueidis(t task) (contender, error) {
	client, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: t.addresses(), DisableCache: true})
	if err != nil {
		return contender{}, err
	}
	return contender{
		set: func(key, value string) error {
			return client.Do(ctx, client.B().Set().Key(key).Value(value).Ex(ttl).Build()).Error()
		},
		hit: func(key string) (int, error) {
			value, err := client.Do(ctx, client.B().Get().Key(key).Build()).ToString()
			return len(value), err
		},
		batch: func(keys []string) (int, error) {
			commands := make(rueidis.Commands, len(keys))
			for i, key := range keys {
				commands[i] = client.B().Get().Key(key).Build()
			}
			count := 0
			for _, reply := range client.DoMulti(ctx, commands...) {
				if _, err := reply.ToString(); err != nil {
					return count, err
				}
				count++
			}
			return count, nil
		},
	}, nil
}
