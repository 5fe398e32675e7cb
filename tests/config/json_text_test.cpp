#include "config/json_text.h"

#include <gtest/gtest.h>

namespace pilotfish::config {
namespace {

// "admin.listen@2=string:x", one a line.
std::string read(std::string_view text) {
    const auto leaves = read_json(text, "f.json");
    if (!leaves) return leaves.error().message;
    std::string all;
    for (const JsonLeaf& leaf : *leaves) {
        if (!all.empty()) all += '\n';
        for (const std::string& name : leaf.path) all += (&name == &leaf.path[0] ? "" : ".") + name;
        all += "@" + std::to_string(leaf.line) + "=" + std::string(words_of(leaf.value.kind));
        if (!leaf.value.text.empty()) all += ":" + leaf.value.text;
        for (const std::string& item : leaf.value.items) all += "|" + item;
    }
    return all;
}

TEST(JsonText, IsAListOfValuesWithTheirNamesAndLines) {
    EXPECT_EQ(read(R"({
  "strict": true,
  "admin": {"listen":
    ["a", 1, false]},
  "workers": {
    "web": {}, "db": {"cpu": 1.50}
  },
  "x": null, "y": -3, "z": "line\nbreak" })"),
              "strict@2=a boolean:true\n"
              "admin.listen@3=a list|a|1|false\n"
              "workers.web@6=an object\n"
              "workers.db.cpu@6=a number:1.50\n"
              "x@8=null\ny@8=a number:-3\nz@8=a string:line\nbreak");
    EXPECT_EQ(read("{}"), "");
    // A number ends with what comes behind it: the line is that of the name all the same.
    EXPECT_EQ(read("{\"a\":1\n}"), "a@1=a number:1");
    EXPECT_EQ(read(R"({"big":123456789012345678901234567890})"),
              "big@1=a number:123456789012345678901234567890");
}

TEST(JsonText, ASyntaxErrorHasItsLineAndColumn) {
    EXPECT_EQ(read("{\n  \"a\": 1,\n}"),
              "cannot read f.json:3:1: unexpected '}'; expected string literal");
    EXPECT_EQ(read(""),
              "cannot read f.json:1:1: unexpected end of input; expected '[', '{', or a "
              "literal");
    EXPECT_EQ(read("{\"a\": 1} x"), "cannot read f.json:1:10: invalid literal");
    EXPECT_TRUE(read("{\n// why\n\"a\": 1}").ends_with("JSON has no comments"));
    EXPECT_TRUE(read("{\"a\": 1 /* why */}").ends_with("JSON has no comments"));
    EXPECT_TRUE(read("{\"a\": 1 # why\n}").ends_with("JSON has no comments"));
}

TEST(JsonText, AFaultNeverShowsWhatWasRead) {
    for (const char* const text :
         {"{\"token\":\"s3cret", "{\"token\":\"s3cret\n\"}", "{\"token\":\"s3cret\\q\"}",
          "{\"token\": s3cret}", "{\"token\":\"s3cret\xff\"}", "{\"token\": 1e999}"}) {
        const std::string fault = read(text);
        EXPECT_TRUE(fault.starts_with("cannot read f.json:1:")) << fault;
        EXPECT_EQ(fault.find("s3cret"), std::string::npos) << fault;
    }
}

TEST(JsonText, WhatWouldBeLostIsRefused) {
    EXPECT_EQ(read("{\"a\":{\"b\":1,\n\"b\":2},\"a\":3}"),
              "cannot read f.json:2: \"a.b\" comes twice in one object\n"
              "cannot read f.json:2: \"a\" comes twice in one object");
    EXPECT_EQ(read("{\"a\":{\"b\":1},\"c\":{\"b\":2}}"), "a.b@1=a number:1\nc.b@1=a number:2");
    EXPECT_EQ(read("{\"a\":\"x\\u0000y\"}"), "cannot read f.json:1: \"a\" has a NUL character");
    EXPECT_EQ(read("{\"a\\u0000\":1}"), "cannot read f.json:1: a name has a NUL character");
}

TEST(JsonText, OnlyAnObjectOfBoundedDepthAndSize) {
    EXPECT_EQ(read("[]"), "cannot read f.json:1: the whole must be an object: {...}");
    EXPECT_EQ(read("3"), "cannot read f.json:1: the whole must be an object: {...}");
    EXPECT_EQ(read("{\"a\":[[1]]}"),
              "cannot read f.json:1: a list holds strings, numbers and booleans alone");
    EXPECT_EQ(read("{\"a\":[{}]}"),
              "cannot read f.json:1: a list holds strings, numbers and booleans alone");
    EXPECT_EQ(read("{\"a\":[null]}"), "cannot read f.json:1: a list cannot hold null");
    std::string deep;
    for (std::size_t level = 0; level < kDeepestJson; ++level) deep += "{\"a\":";
    EXPECT_EQ(read(deep + "1" + std::string(kDeepestJson, '}')).find("cannot"), std::string::npos);
    EXPECT_EQ(read("{\"a\":" + deep), "cannot read f.json:1: it is more than 16 levels deep");
    EXPECT_EQ(read(std::string(kLongestJson + 1, ' ')),
              "cannot read f.json:1: it has 1048577 bytes, and may have 1048576");
}

}  // namespace
}  // namespace pilotfish::config
