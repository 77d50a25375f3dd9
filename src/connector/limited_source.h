/// A source that holds its readers to limits.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "base/deadlines.h"
#include "connector/read_limits.h"
#include "connector/source.h"

namespace weir::connector {

/// Live reads of `source` within `limits`; copies (begin_at) and everything else go through as they are. Beyond a limit
/// polls answer `source_limit_exceeded`, or the end where the reader takes a part (ReadOptions::partial). Thread-safe.
class LimitedSource : public Source {
 public:
  LimitedSource(std::shared_ptr<Source> source, ReadLimits limits);

  Result<plan::Capabilities> capabilities() override { return source_->capabilities(); }
  Result<SourceSchemaPtr> schema(bool refresh) override { return source_->schema(refresh); }
  void forget_schema() override { source_->forget_schema(); }
  /// Errors: also source_limit_exceeded.
  Result<std::unique_ptr<ReadTransaction>> begin(int expected_reads) override;
  Result<std::unique_ptr<ReadTransaction>> begin_at(const std::string& snapshot) override {
    return source_->begin_at(snapshot);
  }
  std::shared_ptr<ChangeSource> changes() override { return source_->changes(); }
  Result<ConnectionReport> test() override { return source_->test(); }
  PoolStats pool() const override { return source_->pool(); }

 private:
  const std::shared_ptr<Source> source_;
  const ReadLimits limits_;
  const std::shared_ptr<std::atomic<int>> running_ = std::make_shared<std::atomic<int>>(0);
  const std::shared_ptr<Deadlines> deadlines_;  ///< nothing without a limit of the time
};

/// `source` itself when there are no limits.
std::shared_ptr<Source> with_limits(std::shared_ptr<Source> source, const ReadLimits& limits);

}  // namespace weir::connector
