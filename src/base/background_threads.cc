#include "base/background_threads.h"

#include <chrono>
#include <thread>
#include <utility>

namespace weir {
namespace {

/// Long enough that a steady stream of short tasks never waits for a thread to start.
constexpr std::chrono::seconds kIdleMax{10};

}  // namespace

BackgroundThreads::~BackgroundThreads() {
  std::unique_lock lock(mutex_);
  stopping_ = true;
  changed_.notify_all();
  ended_.wait(lock, [this] { return threads_ == 0; });
}

void BackgroundThreads::run(std::function<void()> task) {
  const std::lock_guard lock(mutex_);
  if (tasks_.size() < idle_) {
    tasks_.push_back(std::move(task));
    changed_.notify_one();
    return;
  }
  tasks_.push_back(std::move(task));
  try {
    std::thread([this] { work(); }).detach();
  } catch (...) {
    tasks_.pop_back();
    throw;
  }
  ++threads_;
}

void BackgroundThreads::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    ++idle_;
    changed_.wait_for(lock, kIdleMax, [this] { return stopping_ || !tasks_.empty(); });
    --idle_;
    if (tasks_.empty()) break;
    auto task = std::move(tasks_.front());
    tasks_.pop_front();
    lock.unlock();
    task();
    task = nullptr;
    lock.lock();
  }
  --threads_;
  ended_.notify_all();  // under the lock: afterwards the destructor may be done
}

}  // namespace weir
