/// A queue between threads that is bounded by bytes and by items. Producers block, consumers never do: they poll and
/// are called back. Thread-safe on both sides.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <utility>
#include <vector>

#include "base/result.h"

namespace weir {

template <typename T>
class BoundedQueue {
 public:
  /// What may wait in the queue. One item is always let into an empty queue, however large it is.
  struct Limits {
    uint64_t bytes_max = 0;
    size_t items_max = 0;
  };
  /// Called once, on the thread that changed the queue, with no lock held.
  using OnReady = std::function<void()>;

  enum class State : uint8_t { item, pending, end };
  struct Popped {
    State state = State::end;
    std::optional<T> item;  ///< set when `state` is `item`
  };

  explicit BoundedQueue(Limits limits) : limits_(limits) {}
  BoundedQueue(const BoundedQueue&) = delete;
  BoundedQueue& operator=(const BoundedQueue&) = delete;

  /// Waits for room, then appends. False when `stop` was requested or nobody takes items any more (the queue was
  /// closed, failed or cancelled); `item` is dropped then.
  bool push(T item, uint64_t bytes, const std::stop_token& stop) {
    std::vector<OnReady> waiting;
    {
      std::unique_lock lock(mutex_);
      const bool woken = room_.wait(lock, stop, [&] { return phase_ != Phase::open || has_room(bytes); });
      if (!woken || phase_ != Phase::open) return false;
      items_.push_back({std::move(item), bytes});
      bytes_ += bytes;
      waiting.swap(waiting_);
    }
    call(waiting);
    return true;
  }

  /// Waits until there is room for so many bytes: the only producer then pushes them without waiting. False: not before
  /// `deadline`, or never (see `push`).
  bool wait_for_room(uint64_t bytes, const std::stop_token& stop, std::chrono::steady_clock::time_point deadline) {
    std::unique_lock lock(mutex_);
    return room_.wait_until(lock, stop, deadline, [&] { return phase_ != Phase::open || has_room(bytes); }) &&
           phase_ == Phase::open;
  }

  /// The next item; or `pending`, and then `on_ready` is called once as soon as another call would answer something
  /// else; or the end. Errors: the one of `fail`; cancelled.
  Result<Popped> try_pop(OnReady on_ready) {
    std::optional<T> item;
    {
      const std::lock_guard lock(mutex_);
      if (phase_ == Phase::failed || phase_ == Phase::cancelled) return weir::fail(error_);
      if (items_.empty()) {
        if (phase_ == Phase::closed) return Popped{State::end, std::nullopt};
        if (on_ready) waiting_.push_back(std::move(on_ready));
        return Popped{State::pending, std::nullopt};
      }
      item = std::move(items_.front().item);
      bytes_ -= items_.front().bytes;
      items_.pop_front();
    }
    room_.notify_all();
    return Popped{State::item, std::move(item)};
  }

  /// No more items will come; those inside can still be taken.
  void close() { finish(Phase::closed, {}); }
  /// Drops the items; every later `try_pop` answers `error`. The first failure or cancellation stays.
  void fail(Error error) { finish(Phase::failed, std::move(error)); }
  /// Drops the items; every later `try_pop` answers `cancelled`.
  void cancel() { finish(Phase::cancelled, Error{ErrorCode::cancelled, "the read was cancelled", {}, {}}); }

  /// Bytes that wait in the queue.
  uint64_t bytes() const {
    const std::lock_guard lock(mutex_);
    return bytes_;
  }

 private:
  enum class Phase : uint8_t { open, closed, failed, cancelled };
  struct Entry {
    T item;
    uint64_t bytes;
  };

  bool has_room(uint64_t bytes) const {
    return items_.empty() || (items_.size() < limits_.items_max && bytes_ + bytes <= limits_.bytes_max);
  }

  /// The only place where the phase changes: open → closed → failed or cancelled, or straight to one of them.
  void finish(Phase phase, Error error) {
    std::vector<OnReady> waiting;
    std::deque<Entry> dropped;
    {
      const std::lock_guard lock(mutex_);
      if (phase_ >= Phase::failed || phase_ == phase) return;
      phase_ = phase;
      error_ = std::move(error);
      if (phase != Phase::closed) {
        dropped.swap(items_);
        bytes_ = 0;
      }
      waiting.swap(waiting_);
    }
    room_.notify_all();
    call(waiting);
  }

  static void call(std::vector<OnReady>& waiting) {
    for (OnReady& on_ready : waiting) on_ready();
  }

  const Limits limits_;
  mutable std::mutex mutex_;
  std::condition_variable_any room_;
  std::deque<Entry> items_;
  uint64_t bytes_ = 0;
  Phase phase_ = Phase::open;
  Error error_;
  std::vector<OnReady> waiting_;
};

}  // namespace weir
