#include "server/media_type.h"

#include <vector>

#include <gtest/gtest.h>

namespace weir::server {
namespace {

using format::Format;

Result<Format> choose(const std::string& accept) { return choose_format(&accept); }

bool is_taken(const std::string& content_type) {
  return check_media_type(&content_type, std::vector<std::string>{"application/json", "application/sql"}).has_value();
}

TEST(ChooseFormat, IsJsonWithoutAWish) {
  EXPECT_EQ(choose_format(nullptr), Format::json);
  for (const char* accept : {"", "*/*", "application/*", "application/json"})
    EXPECT_EQ(choose(accept), Format::json) << accept;
}

TEST(ChooseFormat, KnowsEveryFormat) {
  EXPECT_EQ(choose("application/x-ndjson"), Format::ndjson);
  EXPECT_EQ(choose("text/csv"), Format::csv);
  EXPECT_EQ(choose("Application/Vnd.Apache.Arrow.Stream"), Format::arrow);
}

TEST(ChooseFormat, FollowsTheWeights) {
  EXPECT_EQ(choose("application/json;q=0.5, text/csv"), Format::csv);
  EXPECT_EQ(choose("text/html, text/csv;q=0.3, application/x-ndjson;q=0.4"), Format::ndjson);
  EXPECT_EQ(choose("text/csv, application/json"), Format::csv);
}

TEST(ChooseFormat, RefusesWhatItCannotWrite) {
  for (const char* accept : {"text/html", "application/xml", "text/csv;q=0"}) EXPECT_FALSE(choose(accept)) << accept;
}

TEST(MediaType, IsComparedWithoutItsParameters) {
  EXPECT_TRUE(is_taken("application/SQL"));
  EXPECT_TRUE(is_taken("application/json; charset=UTF-8"));
  EXPECT_FALSE(is_taken("application/json; charset=latin1"));
  EXPECT_FALSE(is_taken("text/plain"));
  EXPECT_FALSE(check_media_type(nullptr, std::vector<std::string>{"application/json"}));
}

}  // namespace
}  // namespace weir::server
