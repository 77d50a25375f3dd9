/// A source that can be exchanged while others hold it: what the engine attaches for the life of a connector.
#pragma once

#include <memory>
#include <mutex>

#include "connector/source.h"

namespace weir::connector {

/// Hands every call to the current source. Reads that have begun keep the source they began on. Thread-safe.
class ReplaceableSource : public Source {
 public:
  explicit ReplaceableSource(std::shared_ptr<Source> source) : source_(std::move(source)) {}

  void replace(std::shared_ptr<Source> source);
  std::shared_ptr<Source> current() const;

  Result<plan::Capabilities> capabilities() override { return current()->capabilities(); }
  Result<SourceSchemaPtr> schema(bool refresh) override { return current()->schema(refresh); }
  void forget_schema() override { current()->forget_schema(); }
  Result<std::unique_ptr<ReadTransaction>> begin(int expected_reads) override;
  Result<std::unique_ptr<ReadTransaction>> begin_at(const std::string& snapshot) override;
  std::shared_ptr<ChangeSource> changes() override { return current()->changes(); }
  Result<ConnectionReport> test() override { return current()->test(); }
  PoolStats pool() const override { return current()->pool(); }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<Source> source_;
};

/// Stands in for a source that could not be opened: every call answers with the reason.
class FailedSource : public Source {
 public:
  explicit FailedSource(Error reason) : reason_(std::move(reason)) {}

  Result<plan::Capabilities> capabilities() override { return fail(reason_); }
  Result<SourceSchemaPtr> schema(bool) override { return fail(reason_); }
  void forget_schema() override {}
  Result<std::unique_ptr<ReadTransaction>> begin(int) override { return fail(reason_); }
  Result<std::unique_ptr<ReadTransaction>> begin_at(const std::string&) override { return fail(reason_); }
  Result<ConnectionReport> test() override { return fail(reason_); }
  PoolStats pool() const override { return {}; }

 private:
  const Error reason_;
};

}  // namespace weir::connector
