/// Who may write a connector's hot tables now: the thread that commits changes, or somebody with a short step in
/// between.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <utility>

namespace weir::sync {

/// Two transactions that change the same hot rows would conflict; here one waits for the other. Thread-safe.
class HotGate {
 public:
  /// The committing thread's, from the beginning of its transaction to its end. Steps that wait go first.
  void enter();
  void leave();
  /// The committing thread is about to wait for the committer of the lake: a fold, which may have its turn, shall not
  /// wait for this transaction. Until `leave`.
  void want_lake();
  /// The committing thread is in a transaction that takes long: a step would wait for all of it.
  bool is_held_long() const;

  /// A step of another thread.
  class Step {
   public:
    explicit Step(HotGate& gate) : gate_(gate), taken_(gate.take(false)) {}
    ~Step() {
      if (taken_) gate_.give_back();
    }
    Step(const Step&) = delete;
    Step& operator=(const Step&) = delete;
    /// False: only for a fold's, when the committing thread wants the lake or goes on for long.
    explicit operator bool() const { return taken_; }

   protected:
    Step(HotGate& gate, bool gives_up) : gate_(gate), taken_(gate.take(gives_up)) {}

   private:
    HotGate& gate_;
    bool taken_;
  };
  /// A step of a fold, which has the committer's turn.
  class FoldStep : public Step {
   public:
    explicit FoldStep(HotGate& gate) : Step(gate, true) {}
  };

 private:
  bool take(bool gives_up);
  void give_back();

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool committing_ = false;
  std::chrono::steady_clock::time_point entered_at_;
  bool stepping_ = false;
  bool lake_wanted_ = false;
  int waiting_ = 0;
};

}  // namespace weir::sync
