#include "connector/replaceable_source.h"

#include <utility>

namespace weir::connector {
namespace {

// Both wrappers name the source first, so that it is released last.
class HeldStream : public BatchStream {
 public:
  HeldStream(std::shared_ptr<Source> source, std::unique_ptr<BatchStream> stream)
      : source_(std::move(source)), stream_(std::move(stream)) {}

  Result<Poll> poll(std::function<void()> on_ready) override { return stream_->poll(std::move(on_ready)); }
  void cancel() override { stream_->cancel(); }
  ReadStats stats() const override { return stream_->stats(); }
  int parallelism() const override { return stream_->parallelism(); }

 private:
  std::shared_ptr<Source> source_;
  std::unique_ptr<BatchStream> stream_;
};

class HeldTransaction : public ReadTransaction {
 public:
  HeldTransaction(std::shared_ptr<Source> source, std::unique_ptr<ReadTransaction> transaction)
      : source_(std::move(source)), transaction_(std::move(transaction)) {}

  Result<std::unique_ptr<BatchStream>> read(const plan::Scan& scan, const ReadOptions& options) override {
    auto stream = WEIR_TRY(transaction_->read(scan, options));
    return std::make_unique<HeldStream>(source_, std::move(stream));
  }

 private:
  std::shared_ptr<Source> source_;
  std::unique_ptr<ReadTransaction> transaction_;
};

}  // namespace

void ReplaceableSource::replace(std::shared_ptr<Source> source) {
  const std::lock_guard lock(mutex_);
  source_.swap(source);
}  // the old one goes after the lock, because closing its connections may take time

std::shared_ptr<Source> ReplaceableSource::current() const {
  const std::lock_guard lock(mutex_);
  return source_;
}

Result<std::unique_ptr<ReadTransaction>> ReplaceableSource::begin(int expected_reads) {
  std::shared_ptr<Source> source = current();
  auto transaction = WEIR_TRY(source->begin(expected_reads));
  return std::make_unique<HeldTransaction>(std::move(source), std::move(transaction));
}

Result<std::unique_ptr<ReadTransaction>> ReplaceableSource::begin_at(const std::string& snapshot) {
  std::shared_ptr<Source> source = current();
  auto transaction = WEIR_TRY(source->begin_at(snapshot));
  return std::make_unique<HeldTransaction>(std::move(source), std::move(transaction));
}

}  // namespace weir::connector
