/** A binary min-heap: push and pop in O(log n). */
export class Heap<T> {
  readonly #items: T[] = [];
  readonly #key: (item: T) => number;

  constructor(key: (item: T) => number) {
    this.#key = key;
  }

  get size(): number {
    return this.#items.length;
  }

  peek(): T | undefined {
    return this.#items[0];
  }

  push(item: T): void {
    this.#items.push(item);
    this.#up(this.#items.length - 1, item);
  }

  pop(): T | undefined {
    const first = this.#items[0];
    const last = this.#items.pop();
    if (last !== undefined && this.#items.length > 0) this.#down(last);
    return first;
  }

  #up(start: number, item: T): void {
    let index = start;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = this.#items[parent] as T;
      if (this.#key(above) <= this.#key(item)) break;
      this.#items[index] = above;
      index = parent;
    }
    this.#items[index] = item;
  }

  #down(item: T): void {
    const size = this.#items.length;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= size) break;
      const right = this.#items[child + 1];
      if (child + 1 < size && this.#key(right as T) < this.#key(this.#items[child] as T)) child += 1;
      const below = this.#items[child] as T;
      if (this.#key(below) >= this.#key(item)) break;
      this.#items[index] = below;
      index = child;
    }
    this.#items[index] = item;
  }
}
