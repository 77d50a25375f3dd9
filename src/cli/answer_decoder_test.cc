#include "cli/answer_decoder.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "format/answer_fixture.h"
#include "format/writers.h"

namespace weir::cli {
namespace {

/// Writes what it gets as JSON, so that a test can compare text.
class JsonSink final : public AnswerSink {
 public:
  Status begin(const std::vector<format::Column>& columns, const ArrowSchema& schema) override {
    return writer_->begin(columns, schema, text);
  }
  Status batch(batch::OwnedArray batch) override {
    return refuse ? fail(ErrorCode::disk_full, "full") : writer_->batch(std::move(batch), text);
  }
  Status end(const nlohmann::json& trailer) override { return writer_->end(trailer, text); }
  std::string text;
  bool refuse = false;

 private:
  std::unique_ptr<format::Writer> writer_ = format::make_json_writer();
};

const nlohmann::json kTrailer = {{"row_count", 4}};

format::TestAnswer sample() {
  const auto words = arrow::json::DictArrayFromJSONString(arrow::dictionary(arrow::int8(), arrow::utf8()), "[1, 0]",
                                                          R"(["lo", "hi"])");
  return format::TestAnswer({format::column("id", "BIGINT", arrow::int64(), "[1, 2]"),
                             format::column("doc", "JSON", arrow::utf8(), R"(["{}", null])"),
                             {{"level", "ENUM('lo', 'hi')"}, words.ValueOrDie()}});
}

TEST(AnswerDecoder, GivesTheSameAnswerHoweverThePiecesAreCut) {
  const std::string stream = format::written(*format::make_arrow_writer(), sample(), kTrailer, 2);
  const std::string expected = format::written(*format::make_json_writer(), sample(), kTrailer, 2);
  for (size_t piece : {size_t{1}, size_t{7}, size_t{1'000}, stream.size()}) {
    JsonSink sink;
    AnswerDecoder decoder(sink);
    for (size_t at = 0; at < stream.size(); at += piece)
      ASSERT_TRUE(decoder.take(std::string_view(stream).substr(at, piece)));
    ASSERT_TRUE(decoder.finish());
    EXPECT_EQ(sink.text, expected) << "pieces of " << piece;
  }
}

TEST(AnswerDecoder, ReportsAnAnswerWithoutItsEnd) {
  const std::string stream = format::written(*format::make_arrow_writer(), sample(), kTrailer);
  JsonSink sink;
  AnswerDecoder decoder(sink);
  ASSERT_TRUE(decoder.take(std::string_view(stream).substr(0, stream.size() / 2)));
  ASSERT_FALSE(decoder.finish());
  EXPECT_EQ(decoder.finish().error().code, ErrorCode::server_unreachable);
}

TEST(AnswerDecoder, ReturnsTheErrorOfTheTrailer) {
  const nlohmann::json trailer = {{"error", {{"code", "source_connection_lost"}, {"message", "gone"}}}};
  JsonSink sink;
  AnswerDecoder decoder(sink);
  const Status taken = decoder.take(format::written(*format::make_arrow_writer(), sample(), trailer));
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().code, ErrorCode::source_connection_lost);
}

TEST(AnswerDecoder, ReturnsTheErrorOfTheSink) {
  JsonSink sink;
  sink.refuse = true;
  AnswerDecoder decoder(sink);
  const Status taken = decoder.take(format::written(*format::make_arrow_writer(), sample(), kTrailer));
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().code, ErrorCode::disk_full);
}

TEST(AnswerDecoder, RefusesWhatIsNoArrowStream) {
  JsonSink sink;
  AnswerDecoder decoder(sink);
  EXPECT_FALSE(decoder.take("<html>this is not an Arrow stream at all</html>"));
}

}  // namespace
}  // namespace weir::cli
